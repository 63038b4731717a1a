// SPDX-License-Identifier: MIT
// packing.hpp - the order in which the CUDA kernels want a matrix; plain C++, no CUDA.
//
// It follows the fragments of a warp's matrix product: with g = lane / 4 and t = lane % 4, a lane
// decodes rows g and g + 8 of a tile of 16 rows, of every unit of 32 columns columns 8t..8t+7.  A
// span is 256 columns, 8 units; a lane's codes of it are 16 nibble words (a word per unit and row
// half, code i in bits 4i..), coded without loss as `bits` packets of 16 bytes:
//
//   4 bits: the nibble words themselves, unit after unit, row g before row g + 8
//   2 bits: word 2i + half holds nibble words (2i, half) | (2i + 1, half) << 2
//   3 bits: 3 words hold 4 nibble words a, b, c, d, which are units 2i and 2i + 1: three of them as
//           they are, and in their nibbles' top bits those of d, bit 0 in a, bit 1 in b, bit 2 in c
//
// Packet c of a span is 512 bytes, lane after lane.  Rows are padded to whole tiles, columns to
// whole spans, with code 0.
#pragma once
#include "kernels/table.hpp"

namespace densq::cuda {

static_assert(DENSQ_TILE_ROWS == 16 && DENSQ_UNIT_COLS == 32, "the shape of fragments");
static_assert(DENSQ_MIN_BITS == 2 && DENSQ_MAX_BITS == 4, "the widths above");
constexpr uint32_t kPacketBytes = 16 * 32;  // of a warp

// Bit 0 of a nibble word's nibbles; the bit of nibbles that codes of 3 bits leave over.
constexpr uint32_t kLowBits = 0x11111111;
constexpr uint32_t kSpareBit = 3;

// What kHeavyRow is to CPUs: rows with more nonzeros are summed in segments of this size.
constexpr uint32_t kGpuHeavyRow = 256;

// Points to device memory (in the tests, to the host's).
struct PackedMatrix {
    uint32_t rows, cols, bits;
    uint32_t spans;           // of columns
    uint32_t segments;        // of all heavy rows
    const void *codes;        // [tiles][spans][bits] packets
    const void *tables;       // [rows, padded][2][2^bits]: low bytes, high bytes
    const uint32_t *row_ptr;  // [rows, padded][+ 1]; NULL: no sparse part
    const void
        *nonzeros;  // value << 16 | column; if cols > DENSQ_MAX_COLS_16, the column, the value
    const uint32_t *first_segment;  // [rows, padded][+ 1]; NULL: no heavy rows
    const uint32_t *segment_begin;  // [segments][2]: its nonzeros
};

size_t packed_bytes(const Matrix &matrix);
void pack(const Matrix &matrix, void *host_out);  // 16-byte aligned
PackedMatrix view_packed(const Matrix &matrix, const void *device_base);

}  // namespace densq::cuda
