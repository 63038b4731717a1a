// SPDX-License-Identifier: MIT
// library.cpp - densq_version, densq_strerror.
#include "densq/densq.h"
#include "lib/backend.hpp"
#include "lib/fault.hpp"

extern "C" {

const char *densq_strerror(densq_status status) { return densq::status_text(status); }

uint32_t densq_version(void) { return densq::kVersion; }
}
