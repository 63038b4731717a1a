// SPDX-License-Identifier: MIT
// cpu_unmasked.cpp - a separate file, because the tests link another one in its place.
#include "lib/base/cpu_detection.hpp"

uint32_t densq::cpu_features() { return detect_cpu_features(); }
