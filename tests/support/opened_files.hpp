// SPDX-License-Identifier: MIT
// opened_files.hpp - files as bytes, opening them, and using everything that an open file offers.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "densq/densq.h"
#include "densq/format.h"
#include "tests/kernels/guarded.hpp"

namespace densq::test {

inline const std::string kGolden = TEST_FOLDER "/golden/";
inline const std::string kErrors = TEST_FOLDER "/errors/";

inline std::vector<uint8_t> read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE_MESSAGE(file.good(), path);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct CloseFile {
    void operator()(densq_file *file) const { densq_close(&file); }
};

struct Opened {
    densq_status status;
    densq_fault fault;
    std::unique_ptr<densq_file, CloseFile> file;
};

inline densq_open_options open_options(uint32_t flags = 0) {
    densq_open_options options = {};
    options.struct_size = sizeof options;
    options.flags = flags;
    return options;
}

// Checks what holds for every failure: the file is NULL, the fault is written.
inline Opened check_opened(densq_status status, densq_file *file, const densq_fault &fault) {
    if (status == DENSQ_OK) {
        if (!file) FAIL("success without a file");
    } else {
        if (file) FAIL("failure with a file");
        if (!std::memchr(fault.text, '\0', sizeof fault.text) || !fault.text[0])
            FAIL("a fault without text");
    }
    return {status, fault, std::unique_ptr<densq_file, CloseFile>(file)};
}

inline Opened open_bytes(const uint8_t *bytes, size_t size, const densq_open_options &options) {
    densq_file *file = reinterpret_cast<densq_file *>(1);
    densq_fault fault = {};
    const densq_status status = densq_open_memory(&file, bytes, size, &options, &fault);
    return check_opened(status, file, fault);
}

inline Opened open_bytes(const uint8_t *bytes, size_t size, uint32_t flags = 0) {
    return open_bytes(bytes, size, open_options(flags));
}

inline Opened open_copy(const std::vector<uint8_t> &bytes) {
    return open_bytes(bytes.data(), bytes.size(), DENSQ_OPEN_COPY);
}

inline Opened open_file(const std::string &path, const densq_open_options &options) {
    densq_file *file = reinterpret_cast<densq_file *>(1);
    densq_fault fault = {};
    const densq_status status = densq_open_path(&file, path.c_str(), &options, &fault);
    return check_opened(status, file, fault);
}

inline Opened open_file(const std::string &path, uint32_t flags = 0) {
    return open_file(path, open_options(flags));
}

// Checks a status without counting a doctest assertion, for tests with millions of calls.
inline void require_ok(densq_status status) {
    if (status != DENSQ_OK) FAIL(densq_strerror(status));
}

inline densq_matrix get_matrix(const densq_file *file, uint32_t index) {
    densq_matrix matrix = {};
    matrix.struct_size = sizeof matrix;
    require_ok(densq_get_matrix(file, index, &matrix));
    return matrix;
}

inline densq_tensor get_tensor(const densq_file *file, uint32_t index) {
    densq_tensor tensor = {};
    tensor.struct_size = sizeof tensor;
    require_ok(densq_get_tensor(file, index, &tensor));
    return tensor;
}

inline densq_metadata get_metadata(const densq_file *file, uint32_t index) {
    densq_metadata metadata = {};
    metadata.struct_size = sizeof metadata;
    require_ok(densq_get_metadata(file, index, &metadata));
    return metadata;
}

inline std::vector<float> read_matrix(const densq_file *file, uint32_t index) {
    const densq_matrix matrix = get_matrix(file, index);
    std::vector<float> weights(static_cast<size_t>(matrix.rows) * matrix.cols);
    require_ok(densq_read_rows(file, index, 0, matrix.rows, weights.data(), matrix.cols));
    return weights;
}

// Reads all that a proved file holds; no byte of it may make this fail.
inline void use_everything(const densq_file *file) {
    unsigned sum = 0;
    const auto touch = [&](const void *bytes, uint64_t size) {
        for (uint64_t i = 0; i < size; ++i) sum += static_cast<const uint8_t *>(bytes)[i];
    };
    for (uint32_t i = 0; i < densq_count(file, DENSQ_METADATA); ++i) {
        const densq_metadata metadata = get_metadata(file, i);
        touch(metadata.key, metadata.key_bytes);
        touch(metadata.value, metadata.value_bytes);
    }
    for (uint32_t i = 0; i < densq_count(file, DENSQ_TENSOR); ++i) {
        const densq_tensor tensor = get_tensor(file, i);
        touch(tensor.name, tensor.name_bytes);
        touch(tensor.data, tensor.bytes);
    }
    for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i)
        for (const float weight : read_matrix(file, i))
            if (!std::isfinite(weight)) FAIL("a weight is not finite");
    volatile unsigned sink = sum;
    static_cast<void>(sink);
}

}  // namespace densq::test
