// SPDX-License-Identifier: MIT
// test_golden.cpp - files written by make_golden.py hold what it put in.
#include "content.hpp"
#include "tests/support/opened_files.hpp"

using namespace densq::test;

namespace {

void check_matrices(const densq_file *file, uint32_t count) {
    REQUIRE(densq_count(file, DENSQ_MATRIX) == count);
    for (uint32_t i = 0; i < count; ++i) CHECK(compare_with_formula(file, i) == "");
}

densq_tensor find_tensor(const densq_file *file, const char *name) {
    uint32_t index = 99;
    REQUIRE(densq_find(file, DENSQ_TENSOR, name, &index) == DENSQ_OK);
    const densq_tensor tensor = get_tensor(file, index);
    CHECK(std::string(tensor.name, tensor.name_bytes) == name);
    CHECK(reinterpret_cast<uintptr_t>(tensor.data) % DENSQ_ALIGNMENT == 0);
    return tensor;
}

std::string find_value(const densq_file *file, const char *key) {
    uint32_t index = 99;
    REQUIRE(densq_find(file, DENSQ_METADATA, key, &index) == DENSQ_OK);
    const densq_metadata metadata = get_metadata(file, index);
    CHECK(std::string(metadata.key, metadata.key_bytes) == key);
    return {metadata.value, metadata.value_bytes};
}

}  // namespace

TEST_CASE("a file without entries") {
    const Opened opened = open_file(kGolden + "empty.densq");
    REQUIRE(opened.status == DENSQ_OK);
    for (const densq_kind kind : {DENSQ_METADATA, DENSQ_MATRIX, DENSQ_TENSOR})
        CHECK(densq_count(opened.file.get(), kind) == 0);
}

TEST_CASE("a file without matrices") {
    const Opened opened = open_file(kGolden + "plain.densq");
    REQUIRE(opened.status == DENSQ_OK);
    CHECK(densq_count(opened.file.get(), DENSQ_MATRIX) == 0);
    CHECK(find_tensor(opened.file.get(), "weight").bytes == 12);
}

TEST_CASE("all bits, with and without a sparse part") {
    const Opened opened = open_file(kGolden + "small.densq");
    REQUIRE(opened.status == DENSQ_OK);
    check_matrices(opened.file.get(), 8);
}

TEST_CASE("every weight in the sparse part") {
    const Opened opened = open_file(kGolden + "tall.densq");
    REQUIRE(opened.status == DENSQ_OK);
    check_matrices(opened.file.get(), 1);
}

TEST_CASE("column indices of 16 and 32 bits") {
    const Opened opened = open_file(kGolden + "wide.densq");
    REQUIRE(opened.status == DENSQ_OK);
    check_matrices(opened.file.get(), 2);
    // LUT, codes of 256 or 257 lines, row_ptr, 8 or 2 columns, as many values.
    CHECK(get_matrix(opened.file.get(), 0).bytes == 64 + 256 * 64 + 64 + 64 + 64);
    CHECK(get_matrix(opened.file.get(), 1).bytes == 64 + 257 * 64 + 64 + 64 + 64);
}

TEST_CASE("metadata") {
    const Opened opened = open_file(kGolden + "small.densq");
    const densq_file *file = opened.file.get();
    CHECK(densq_count(file, DENSQ_METADATA) == 3);
    CHECK(find_value(file, "empty") == "");
    CHECK(find_value(file, "config.json") == "{\"hidden_size\": 37}\n");
    CHECK(find_value(file, "Gr\xc3\xbc\xc3\x9f"
                           "e") == "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xf0\x9f\x98\x80");
}

TEST_CASE("tensors") {
    const Opened opened = open_file(kGolden + "small.densq");
    const densq_file *file = opened.file.get();
    CHECK(densq_count(file, DENSQ_TENSOR) == 4);

    const densq_tensor scalar = find_tensor(file, "scalar");
    CHECK(scalar.dtype == DENSQ_F32);
    CHECK(scalar.dimensions == 0);
    CHECK(scalar.bytes == 4);
    CHECK(*static_cast<const float *>(scalar.data) == 0.5f);

    const densq_tensor f32 = find_tensor(file, "f32");
    CHECK(f32.dimensions == 2);
    CHECK(f32.shape[0] == 2);
    CHECK(f32.shape[1] == 3);
    CHECK(f32.shape[2] == 0);
    CHECK(f32.shape[3] == 0);
    CHECK(f32.bytes == 24);
    CHECK(static_cast<const float *>(f32.data)[1] == -2.0f);
    CHECK(std::isinf(static_cast<const float *>(f32.data)[3]));  // plain tensors may be so
    CHECK(std::isnan(static_cast<const float *>(f32.data)[4]));

    const densq_tensor f16 = find_tensor(file, "f16");
    CHECK(f16.dtype == DENSQ_F16);
    CHECK(f16.dimensions == 4);
    CHECK(f16.shape[3] == 3);
    CHECK(f16.bytes == 48);
    CHECK(static_cast<const uint16_t *>(f16.data)[2] == 0x4000);

    const densq_tensor bf16 = find_tensor(file, "bf16");
    CHECK(bf16.dtype == DENSQ_BF16);
    CHECK(bf16.bytes == 10);
    CHECK(static_cast<const uint16_t *>(bf16.data)[1] == 0xC000);
}
