// SPDX-License-Identifier: MIT
// token.hpp - the number of a token.
#pragma once
#include <cstdint>

namespace llama {

using Token = uint32_t;

}  // namespace llama
