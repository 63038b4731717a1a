// SPDX-License-Identifier: MIT
// test_packing.cpp - what packing.hpp says, read back from a packed matrix.
#include <doctest/doctest.h>

#include <cstring>

#include "kernels/cuda/packing.hpp"
#include "tests/kernels/random_matrix.hpp"

using namespace densq;
using namespace densq::test;

namespace {

uint32_t word_at(const void *words, size_t i) {
    uint32_t word;
    std::memcpy(&word, static_cast<const uint8_t *>(words) + 4 * i, 4);
    return word;
}

// Code i of a row of a lane, of a unit; by the text of packing.hpp, not by the code of a kernel.
uint32_t packed_code(const cuda::PackedMatrix &packed, uint32_t row, uint32_t col) {
    const uint32_t bits = packed.bits, half = row % 16 / 8, unit = col % 256 / 32;
    const uint32_t lane = row % 8 * 4 + col % 32 / 8, shift = col % 8 * 4;
    const auto word = [&](uint32_t i) {  // of the lane's 4 * bits of the span
        const size_t span = size_t{row / 16} * packed.spans + col / 256;
        return word_at(packed.codes, ((span * bits + i / 4) * 32 + lane) * 4 + i % 4);
    };
    if (bits == 2) return word(unit / 2 * 2 + half) >> (shift + unit % 2 * 2) & 3;
    const uint32_t nibbles = unit % 2 * 2 + half;  // of the pair of units
    if (bits == 4) return word(unit / 2 * 4 + nibbles) >> shift & 15;
    if (nibbles < 3) return word(unit / 2 * 3 + nibbles) >> shift & 7;
    uint32_t code = 0;
    for (uint32_t i = 0; i < 3; ++i) code |= (word(unit / 2 * 3 + i) >> (shift + 3) & 1) << i;
    return code;
}

uint32_t code_of(const RandomMatrix &m, uint32_t row, uint32_t col) {
    const densq_code_place place = densq_place_code(m.rows, m.cols, m.bits, row, col);
    return densq_get_code(m.codes.data() + place.group, m.bits, place.field, place.slot);
}

uint16_t packed_entry(const cuda::PackedMatrix &packed, uint32_t row, uint32_t k) {
    const uint32_t entries = 1u << packed.bits;
    const auto *bytes = static_cast<const uint8_t *>(packed.tables) + size_t{row} * 2 * entries;
    return static_cast<uint16_t>(bytes[k] | bytes[entries + k] << 8);
}

void check_nonzeros(const RandomMatrix &m, const cuda::PackedMatrix &packed) {
    uint32_t segments = 0;
    for (uint32_t row = 0; row < m.rows; ++row) {
        const uint32_t begin = packed.row_ptr[row], end = packed.row_ptr[row + 1];
        REQUIRE(begin == m.row_ptr[row]);
        REQUIRE(end == m.row_ptr[row + 1]);
        if (packed.first_segment) REQUIRE(packed.first_segment[row] == segments);
        if (end - begin <= cuda::kGpuHeavyRow) continue;
        for (uint32_t at = begin; at < end; at += cuda::kGpuHeavyRow, ++segments) {
            REQUIRE(packed.segment_begin[2 * segments] == at);
            REQUIRE(packed.segment_begin[2 * segments + 1] ==
                    std::min(at + cuda::kGpuHeavyRow, end));
        }
    }
    REQUIRE(packed.segments == segments);
    for (size_t i = 0; i < m.val.size(); ++i) {
        const bool wide = m.cols > DENSQ_MAX_COLS_16;
        const uint32_t col =
            wide ? word_at(packed.nonzeros, 2 * i) : word_at(packed.nonzeros, i) & 0xFFFF;
        REQUIRE(col == m.col32[i]);
        REQUIRE((wide ? word_at(packed.nonzeros, 2 * i + 1) : word_at(packed.nonzeros, i) >> 16) ==
                m.val[i]);
    }
}

void check_packed(const RandomMatrix &m) {
    const Matrix matrix = m.view();
    // Words, and a byte that would be the first of another's.
    std::vector<uint32_t> memory(cuda::packed_bytes(matrix) / 4 + 1, 0xA5A5A5A5);
    cuda::pack(matrix, memory.data());
    REQUIRE(memory.back() == 0xA5A5A5A5);
    const cuda::PackedMatrix packed = cuda::view_packed(matrix, memory.data());
    REQUIRE(packed.spans == (m.cols + 255) / 256);
    for (uint32_t row = 0; row < (m.rows + 15) / 16 * 16; ++row) {
        for (uint32_t col = 0; col < packed.spans * 256; ++col)
            REQUIRE(packed_code(packed, row, col) ==
                    (row < m.rows && col < m.cols ? code_of(m, row, col) : 0));
        for (uint32_t k = 0; k < 1u << m.bits; ++k)
            REQUIRE(packed_entry(packed, row, k) ==
                    (row < m.rows ? m.lut[(row << m.bits) + k] : 0));
    }
    if (packed.row_ptr) check_nonzeros(m, packed);
    REQUIRE((packed.row_ptr != nullptr) == !m.val.empty());
}

}  // namespace

TEST_CASE("a packed matrix has all codes, tables and nonzeros") {
    Random random(1);
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
        check_packed(make_matrix(1, 1, bits, Sparsity::kNone, random));
        check_packed(make_matrix(16, 256, bits, Sparsity::kSome, random));
        check_packed(make_matrix(17, 257, bits, Sparsity::kOneRow, random));
        check_packed(make_matrix(5, 1100, bits, Sparsity::kOneRow, random));
        check_packed(make_matrix(33, 600, bits, Sparsity::kOneColumn, random));
    }
    check_packed(make_matrix(2, 65600, 3, Sparsity::kOneColumn, random));
}
