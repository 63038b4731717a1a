// SPDX-License-Identifier: MIT
// utf8.hpp - is text well-formed UTF-8 (RFC 3629), and fit for a name?
#pragma once
#include <stddef.h>

namespace densq {

// Length of the longest prefix that is well-formed UTF-8: `size` if all of it is.
size_t utf8_prefix(const char *bytes, size_t size);

// Index of the first control character (C0, DEL, C1) in well-formed UTF-8; `size` if none.
size_t find_control(const char *bytes, size_t size);

}  // namespace densq
