// SPDX-License-Identifier: MIT
// cpu_unmasked.cpp - a file of its own, because the tests put another in its place.
#include "lib/base/cpu_detection.hpp"

uint32_t densq::cpu_features() { return detect_cpu_features(); }
