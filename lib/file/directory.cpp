// SPDX-License-Identifier: MIT
#include "lib/file/directory.hpp"

namespace densq {

uint32_t count_entries(const Directory &directory, densq_kind kind) {
    switch (kind) {
    case DENSQ_METADATA: return directory.header->metadata_count;
    case DENSQ_MATRIX: return directory.header->matrix_count;
    case DENSQ_TENSOR: return directory.header->tensor_count;
    }
    return 0;
}

Name entry_name(const Directory &directory, densq_kind kind, uint32_t index) {
    const auto name_in = [&](const auto &record) {
        return Name{directory.names + record.name_offset, record.name_bytes};
    };
    if (kind == DENSQ_METADATA) return name_in(directory.metadata[index]);
    if (kind == DENSQ_MATRIX) return name_in(directory.matrices[index]);
    return name_in(directory.tensors[index]);
}

uint32_t find_entry(const Directory &directory, densq_kind kind, Name name) {
    uint32_t begin = 0, end = count_entries(directory, kind);
    while (begin < end) {
        const uint32_t middle = begin + (end - begin) / 2;
        const int order = compare_names(entry_name(directory, kind, middle), name);
        if (order == 0) return middle;
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return kNotFound;
}

}  // namespace densq
