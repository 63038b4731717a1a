// SPDX-License-Identifier: MIT
// plain_tensor.hpp - how a densq file keeps a tensor of floats that is not quantized: F64 as F32,
// FP8 as BF16, the others as they are.
#pragma once
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "densq/densq.h"

namespace densq::tool {

densq_dtype plain_dtype(const SafeTensor &tensor);

// The bytes of a tensor in its plain dtype; DataError if a finite F64 is beyond the range of F32.
// Without a copy where nothing changes: then they are the tensor's own, and `buffer` stays empty.
struct PlainBytes {
    const uint8_t *data;
    uint64_t bytes;
    std::vector<uint8_t> buffer;
};
PlainBytes plain_bytes(const std::string &name, const Checkpoint::Entry &entry);

}  // namespace densq::tool
