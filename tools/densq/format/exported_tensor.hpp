// SPDX-License-Identifier: MIT
// exported_tensor.hpp - the tensors of the original model, as a densq file gives them back.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "safetensors_writer.hpp"

namespace densq::tool {

struct ExportedTensor : OutputTensor {
    // Where its values are in the file: a plain tensor, a matrix, or the matrices that are its
    // slices, each of which may be transposed in it.
    densq_kind kind;
    std::vector<uint32_t> sources;
    bool transposed;
};

// All tensors by name.  Plain ones keep their own dtype if `forced` is none; matrices get `forced`
// or else `usual`.  DataError if slices do not fit together.
std::vector<ExportedTensor> plan_export(const densq_file *file, std::optional<densq_dtype> forced,
                                        densq_dtype usual);

// Cuts the tensors into parts of at most `bytes` (or of one tensor), F32 first in each part.
std::vector<std::vector<ExportedTensor>> cut_into_shards(const std::vector<ExportedTensor> &tensors,
                                                         uint64_t bytes);

// Hands the tensor's values to `write` from front to back, rounded to nearest even.  DataError if
// one is too large for the dtype.  Memory: some rows, or the matrix if it is transposed.
void write_values(const densq_file *file, const ExportedTensor &tensor,
                  const std::function<void(const void *values, uint64_t bytes)> &write);

}  // namespace densq::tool
