// SPDX-License-Identifier: MIT
// error.hpp - what is wrong with the user's files; the message says where.
#pragma once
#include <stdexcept>

namespace llama {

struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace llama
