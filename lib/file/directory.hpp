// SPDX-License-Identifier: MIT
// directory.hpp - a file's records and names, read where they lie.
#pragma once
#include <stdint.h>

#include "densq/densq.h"
#include "densq/format.h"
#include "lib/base/name.hpp"

namespace densq {

struct Directory {
    const densq_file_header *header;
    const densq_metadata_record *metadata;
    const densq_matrix_record *matrices;
    const densq_tensor_record *tensors;
    const char *names;
};

// The number of entries of a kind; 0 for an unknown kind.
uint32_t count_entries(const Directory &directory, densq_kind kind);

Name entry_name(const Directory &directory, densq_kind kind, uint32_t index);

constexpr uint32_t kNotFound = UINT32_MAX;

uint32_t find_entry(const Directory &directory, densq_kind kind, Name name);

}  // namespace densq
