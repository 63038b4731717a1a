// SPDX-License-Identifier: MIT
// test_entries.cpp - densq_count, densq_find and densq_get_*.
#include "tests/support/opened_files.hpp"

using namespace densq::test;

namespace {

struct Small {
    Opened opened = open_file(kGolden + "small.densq");
    const densq_file *file = opened.file.get();
};

std::string name_of(const densq_file *file, densq_kind kind, uint32_t index) {
    if (kind == DENSQ_METADATA) {
        const densq_metadata metadata = get_metadata(file, index);
        return {metadata.key, metadata.key_bytes};
    }
    if (kind == DENSQ_MATRIX) {
        const densq_matrix matrix = get_matrix(file, index);
        return {matrix.name, matrix.name_bytes};
    }
    const densq_tensor tensor = get_tensor(file, index);
    return {tensor.name, tensor.name_bytes};
}

// Checks a function densq_get_*: with the struct of an older and of a newer caller, and with an
// index behind the end.
template <typename Struct>
void check_get(const densq_file *file, densq_kind kind,
               densq_status (*get)(const densq_file *, uint32_t, Struct *)) {
    struct Newer {
        Struct out;
        uint64_t field;
    } newer = {};
    newer.out.struct_size = sizeof newer;
    newer.field = 77;
    CHECK(get(file, 0, &newer.out) == DENSQ_OK);
    CHECK(newer.out.struct_size == sizeof newer);
    CHECK(newer.field == 0);

    Struct out = {};
    CHECK(get(file, 0, &out) == DENSQ_ERR_ARGUMENT);
    out.struct_size = sizeof out - 1;
    CHECK(get(file, 0, &out) == DENSQ_ERR_ARGUMENT);
    out.struct_size = sizeof out;
    CHECK(get(file, densq_count(file, kind), &out) == DENSQ_ERR_ARGUMENT);
    CHECK(get(file, UINT32_MAX, &out) == DENSQ_ERR_ARGUMENT);
    CHECK(get(nullptr, 0, &out) == DENSQ_ERR_ARGUMENT);
    CHECK(get(file, 0, nullptr) == DENSQ_ERR_ARGUMENT);
    CHECK(get(file, 0, &out) == DENSQ_OK);
}

}  // namespace

TEST_CASE("count") {
    const Small small;
    CHECK(densq_count(small.file, DENSQ_METADATA) == 3);
    CHECK(densq_count(small.file, DENSQ_MATRIX) == 8);
    CHECK(densq_count(small.file, DENSQ_TENSOR) == 4);
    CHECK(densq_count(nullptr, DENSQ_TENSOR) == 0);
}

TEST_CASE("every entry is found by its name, in ascending order") {
    const Small small;
    for (const densq_kind kind : {DENSQ_METADATA, DENSQ_MATRIX, DENSQ_TENSOR}) {
        std::string before;
        for (uint32_t i = 0; i < densq_count(small.file, kind); ++i) {
            const std::string name = name_of(small.file, kind, i);
            CHECK(before < name);
            before = name;
            uint32_t index = 99;
            CHECK(densq_find(small.file, kind, name.c_str(), &index) == DENSQ_OK);
            CHECK(index == i);
        }
    }
}

TEST_CASE("what is not there is not found") {
    const Small small;
    for (const densq_kind kind : {DENSQ_METADATA, DENSQ_MATRIX, DENSQ_TENSOR})
        for (const char *name : {"", "!", "17x70.b3.s1", "17x70.b3.s111", "f3", "f322", "\xff"}) {
            uint32_t index = 99;
            CHECK(densq_find(small.file, kind, name, &index) == DENSQ_ERR_NOT_FOUND);
            CHECK(index == 0);
        }
    uint32_t index = 99;
    CHECK(densq_find(small.file, DENSQ_TENSOR, "17x70.b3.s11", &index) == DENSQ_ERR_NOT_FOUND);
    CHECK(densq_find(nullptr, DENSQ_TENSOR, "f32", &index) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_find(small.file, DENSQ_TENSOR, nullptr, &index) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_find(small.file, DENSQ_TENSOR, "f32", nullptr) == DENSQ_ERR_ARGUMENT);
}

TEST_CASE("an unknown kind has no entries") {
    const Small small;
    const auto unknown = static_cast<densq_kind>(3);
    uint32_t index = 99;
    CHECK(densq_count(small.file, unknown) == 0);
    CHECK(densq_find(small.file, unknown, "f32", &index) == DENSQ_ERR_NOT_FOUND);
}

TEST_CASE("get") {
    const Small small;
    check_get(small.file, DENSQ_METADATA, densq_get_metadata);
    check_get(small.file, DENSQ_MATRIX, densq_get_matrix);
    check_get(small.file, DENSQ_TENSOR, densq_get_tensor);
}

TEST_CASE("status texts and version") {
    CHECK(densq_version() ==
          (DENSQ_VERSION_MAJOR << 16 | DENSQ_VERSION_MINOR << 8 | DENSQ_VERSION_PATCH));
    std::vector<std::string> texts;
    for (densq_status status = -1; status <= DENSQ_ERR_DEVICE + 1; ++status) {
        REQUIRE(densq_strerror(status) != nullptr);
        texts.push_back(densq_strerror(status));
    }
    CHECK(texts.front() == texts.back());
    for (size_t i = 1; i + 1 < texts.size(); ++i)
        for (size_t k = 0; k < i; ++k) CHECK(texts[i] != texts[k]);
}
