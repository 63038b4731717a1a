// SPDX-License-Identifier: MIT
// emulated_tool.cpp - the machine on which densq-emulated, the tool in a build with CUDA, runs.
#include "emulated.hpp"

namespace {

const densq::test::EmulatedMachine machine(2);

}  // namespace
