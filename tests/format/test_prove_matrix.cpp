// SPDX-License-Identifier: MIT
// test_prove_matrix.cpp - every place of a matrix's sections where a bad value could hide, in files
// larger than those of make_errors.py.
#include "lib/file/file.hpp"
#include "lib/file/prove.hpp"
#include "tests/support/opened_files.hpp"

using namespace densq;
using namespace densq::test;

namespace {

// A file that can be damaged in place; its checksums are not looked at.
struct Damaged {
    std::vector<uint8_t> good;
    Guarded<uint8_t> bytes;
    densq_fault fault = {};
    Directory directory = {};

    explicit Damaged(const char *name) : good(read_file(kGolden + name)), bytes(good, Side::kEnd) {
        REQUIRE(prove() == DENSQ_OK);
    }

    densq_status prove() {
        return densq::prove(bytes.data(), good.size(), true, crc32c_software, &directory, &fault);
    }

    densq_sections sections(uint32_t index) const {
        return sections_in_file(directory.matrices[index]);
    }

    template <typename T>
    T get(uint64_t offset) const {
        T value;
        std::memcpy(&value, good.data() + offset, sizeof value);
        return value;
    }

    // The status with a value changed; the fault must name its place.
    template <typename T>
    densq_status with(uint64_t offset, T value) {
        std::memcpy(bytes.data() + offset, &value, sizeof value);
        const densq_status status = prove();
        std::memcpy(bytes.data() + offset, good.data() + offset, sizeof value);
        return status && fault.offset != offset ? DENSQ_ERR_NOT_FOUND : status;
    }
};

size_t count_accepted(Damaged *file, const densq_section &halves, int value) {
    size_t accepted = 0;
    for (uint64_t at = 0; at < halves.bytes; at += 2)
        accepted +=
            file->with(halves.offset + at, static_cast<uint16_t>(value)) != DENSQ_ERR_CORRUPT;
    return accepted;
}

}  // namespace

TEST_CASE("a value that is not finite, at every place") {
    Damaged file("tall.densq");
    const densq_sections sections = file.sections(0);
    REQUIRE(sections.lut.bytes == 2 * 1040);
    REQUIRE(sections.val.bytes == 2 * 1170);
    for (const densq_section &section : {sections.lut, sections.val}) {
        for (const int bad : {0x7C00, 0xFC00, 0x7C01, 0xFFFF})
            CHECK(count_accepted(&file, section, bad) == 0);
        for (const int fine : {0x7BFF, 0xFBFF, 0x03FF, 0x8000})
            CHECK(count_accepted(&file, section, fine) == section.bytes / 2);
    }
}

TEST_CASE("a column that repeats or exceeds, at every place") {
    Damaged file("tall.densq");
    const densq_section col = file.sections(0).col;
    const uint16_t last = 8;
    for (uint64_t at = 0; at < col.bytes; at += 2) {
        const auto here = file.get<uint16_t>(col.offset + at);
        if (here > 0)
            REQUIRE(file.with(col.offset + at, static_cast<uint16_t>(here - 1)) ==
                    DENSQ_ERR_CORRUPT);
        if (here == last)
            REQUIRE(file.with(col.offset + at, static_cast<uint16_t>(last + 1)) ==
                    DENSQ_ERR_CORRUPT);
    }
}

TEST_CASE("a row pointer that is off by one, at every place") {
    Damaged file("tall.densq");
    const densq_section row_ptr = file.sections(0).row_ptr;
    for (uint64_t at = 0; at < row_ptr.bytes; at += 4) {
        const auto here = file.get<uint32_t>(row_ptr.offset + at);
        // Every row is full: one more or one less makes this row or the next too full.
        file.fault.offset = 0;
        const densq_status more = file.with(row_ptr.offset + at, here + 1);
        REQUIRE(more != DENSQ_OK);
        REQUIRE(file.fault.offset == row_ptr.offset + at);
        REQUIRE(file.with(row_ptr.offset + at, here - 1) != DENSQ_OK);
    }
}

TEST_CASE("columns of 32 bits") {
    Damaged file("wide.densq");
    const densq_sections sections = file.sections(1);
    REQUIRE(sections.col.bytes == 2 * 4);
    const uint64_t last = sections.col.offset + 4;
    CHECK(file.get<uint32_t>(last) == 65536);
    CHECK(file.with(last, 65535u) == DENSQ_OK);
    CHECK(file.with(last, 65537u) == DENSQ_ERR_CORRUPT);
    CHECK(std::string(file.fault.text) ==
          "matrix '1x65537.b2.s43691': col[1] is 65537, behind the last column, in row 0");
    CHECK(file.with(last, UINT32_MAX) == DENSQ_ERR_CORRUPT);
    CHECK(file.with(last, 21845u) == DENSQ_ERR_CORRUPT);
    CHECK(std::string(file.fault.text) ==
          "matrix '1x65537.b2.s43691': col[1] is 21845, not above the one before in row 0");
}
