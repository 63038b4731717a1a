// SPDX-License-Identifier: MIT
// version.cpp - densq_version, densq_strerror, densq_crc32c.
#include "densq/densq.h"
#include "lib/base/fault.hpp"
#include "lib/base/provider.hpp"
#include "lib/file/crc32c.hpp"

extern "C" {

const char *densq_strerror(densq_status status) { return densq::status_text(status); }

uint32_t densq_version(void) { return densq::kVersion; }

uint32_t densq_crc32c(uint32_t crc, const void *bytes, size_t size) {
    // Asking the CPU takes some 50 us under a hypervisor, as long as the software for 64 KiB.
    constexpr size_t kShort = 1 << 15;
    const densq::Crc32c crc32c = size < kShort ? densq::crc32c_software : densq::crc32c_function();
    return crc32c(crc, bytes, size);
}
}
