// SPDX-License-Identifier: MIT
// test_prove_codes.cpp - of every shape, each bit that stands for no code is found when set, and no
// other.
#include <doctest/doctest.h>

#include "codes.hpp"
#include "lib/file/prove.hpp"

using namespace densq;
using namespace densq::test;

namespace {

struct Section64 {
    Shape shape;
    Guarded<uint8_t> bytes;
    densq_fault fault = {};

    explicit Section64(const Shape &of) : shape(of), bytes(of.bytes(), Side::kEnd) {}

    densq_status prove() {
        const Proof proof = {bytes.data(), shape.bytes(), false, crc32c_software, &fault, {}};
        densq_matrix_record record = {};
        record.rows = shape.rows;
        record.cols = shape.cols;
        record.bits = shape.bits;
        return prove_codes(proof, Subject{DENSQ_MATRIX, {"m", 1}}, record,
                           densq_section{0, shape.bytes()});
    }
};

}  // namespace

TEST_CASE("all codes at their largest are fine") {
    for (const Shape &shape : many_shapes()) {
        Section64 section(shape);
        put_codes(section.bytes.data(), shape,
                  [&](uint32_t, uint32_t) { return (1u << shape.bits) - 1; });
        REQUIRE(section.prove() == DENSQ_OK);
    }
}

TEST_CASE("each bit that stands for no code is found") {
    for (const Shape &shape : many_shapes()) {
        if (shape.bytes() > 1024 || shape.rows % 15 > 3) continue;  // for time
        Section64 section(shape);
        uint8_t *bytes = section.bytes.data();
        put_codes(bytes, shape, [&](uint32_t, uint32_t) { return (1u << shape.bits) - 1; });
        const std::vector<uint8_t> used(bytes, bytes + shape.bytes());
        size_t wrong = 0;
        for (size_t at = 0; at < used.size(); ++at)
            for (unsigned bit = 0; bit < 8; ++bit) {
                if (used[at] >> bit & 1) continue;
                bytes[at] = static_cast<uint8_t>(used[at] | 1u << bit);
                wrong += section.prove() != DENSQ_ERR_CORRUPT || section.fault.offset != at;
                bytes[at] = used[at];
            }
        REQUIRE(wrong == 0);
    }
}
