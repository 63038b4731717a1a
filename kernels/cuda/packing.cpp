// SPDX-License-Identifier: MIT
#include "kernels/cuda/packing.hpp"

#include <string.h>

#include "densq/layout.h"
#include "kernels/segments.hpp"

namespace densq::cuda {
namespace {

constexpr uint32_t kLanes = 32;

template <typename Visit>
void for_each_segment(const Matrix &matrix, Visit visit) {
    densq::for_each_segment<kGpuHeavyRow>(matrix.row_ptr, matrix.rows, visit);
}

bool wide(const Matrix &matrix) { return matrix.cols > DENSQ_MAX_COLS_16; }

// Byte offsets of the arrays, behind the codes.
struct Places {
    uint64_t tables, row_ptr, nonzeros, first_segment, segment_begin, end;
    uint32_t segments;
};

uint64_t after(uint64_t offset, uint64_t count, uint64_t size) {
    constexpr uint64_t kAlignment = 128;
    return (offset + count * size + kAlignment - 1) / kAlignment * kAlignment;
}

Places place_arrays(const Matrix &matrix) {
    const uint64_t tiles = densq_tile_count(matrix.rows), rows = tiles * DENSQ_TILE_ROWS;
    Places places = {};
    places.tables = after(0, tiles * span_count(matrix.cols), matrix.bits * kPacketBytes);
    places.row_ptr = after(places.tables, rows, uint64_t{2} << matrix.bits);
    places.nonzeros = places.first_segment = places.segment_begin = places.end = places.row_ptr;
    if (!matrix.row_ptr) return places;
    for_each_segment(matrix, [&](const Segment &) { ++places.segments; });
    places.nonzeros = after(places.row_ptr, rows + 1, 4);
    places.first_segment =
        after(places.nonzeros, matrix.row_ptr[matrix.rows], wide(matrix) ? 8 : 4);
    places.segment_begin = after(places.first_segment, places.segments ? rows + 1 : 0, 4);
    places.end = after(places.segment_begin, places.segments, 8);
    return places;
}

// The codes of one field of a group, as densq_get_code gives them, in a way that compilers
// vectorize.
void read_field(const uint8_t *group, uint32_t bits, uint32_t field,
                uint8_t (&codes)[DENSQ_UNIT_COLS]) {
    const densq_field_place place = densq_place_field(bits, field);
    if (place.high_bits) {
        for (uint32_t i = 0; i < DENSQ_UNIT_COLS; ++i)
            codes[i] = static_cast<uint8_t>(densq_get_code(group, bits, field, i));
        return;
    }
    const uint8_t *line = group + place.low_line * DENSQ_LINE_BYTES;
    const uint32_t shift = place.low_shift, mask = (1u << bits) - 1;
    for (uint32_t i = 0; i < DENSQ_UNIT_COLS; ++i)
        codes[i] = static_cast<uint8_t>(densq_get_slot(line, 0, i) >> shift & mask);
}

// Eight codes in the nibbles of a word.
uint32_t nibble_word(const uint8_t *codes) {
    uint64_t bytes;
    memcpy(&bytes, codes, sizeof bytes);
    bytes = (bytes | bytes >> 4) & 0x00FF00FF00FF00FFu;
    bytes = (bytes | bytes >> 8) & 0x0000FFFF0000FFFFu;
    return static_cast<uint32_t>(bytes | bytes >> 16);
}

// The codes of one row and one unit: word t has those of columns 8t..8t+7.  Codes behind the last
// column are 0 in the matrix.
void read_unit(const Matrix &matrix, uint32_t row, uint32_t first_col, uint32_t (&words)[4]) {
    memset(words, 0, sizeof words);
    if (row >= matrix.rows || first_col >= matrix.cols) return;
    const densq_code_place place =
        densq_place_code(matrix.rows, matrix.cols, matrix.bits, row, first_col);
    uint8_t codes[DENSQ_UNIT_COLS];
    read_field(matrix.codes + place.group, matrix.bits, place.field, codes);
    for (uint32_t t = 0; t < 4; ++t) words[t] = nibble_word(codes + 8 * t);
}

struct LaneWords {
    uint32_t nibbles[kSpanUnits][2];  // [unit][row half]
};

void code_words(const LaneWords &lane, uint32_t bits, uint32_t *words) {
    for (uint32_t pair = 0; pair < kSpanUnits / 2; ++pair) {
        const auto &a = lane.nibbles[2 * pair], &b = lane.nibbles[2 * pair + 1];
        const uint32_t quad[4] = {a[0], a[1], b[0], b[1]};
        uint32_t *out = words + bits * pair;
        if (bits == 2) {
            out[0] = a[0] | b[0] << 2;
            out[1] = a[1] | b[1] << 2;
            continue;
        }
        for (uint32_t i = 0; i < bits; ++i) {
            out[i] = quad[i];
            if (bits == 3) out[i] |= (quad[3] >> i & kLowBits) << kSpareBit;
        }
    }
}

void pack_span(const Matrix &matrix, uint32_t tile, uint32_t span, uint8_t *out) {
    LaneWords lanes[kLanes];
    for (uint32_t row = 0; row < DENSQ_TILE_ROWS; ++row)
        for (uint32_t unit = 0; unit < kSpanUnits; ++unit) {
            uint32_t words[4];
            read_unit(matrix, tile * DENSQ_TILE_ROWS + row,
                      span * kSpanCols + unit * DENSQ_UNIT_COLS, words);
            for (uint32_t t = 0; t < 4; ++t)
                lanes[row % 8 * 4 + t].nibbles[unit][row / 8] = words[t];
        }
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
        uint32_t words[4 * DENSQ_MAX_BITS];
        code_words(lanes[lane], matrix.bits, words);
        for (uint32_t packet = 0; packet < matrix.bits; ++packet)
            memcpy(out + packet * kPacketBytes + lane * 16, words + 4 * packet, 16);
    }
}

void pack_tables(const Matrix &matrix, uint8_t *out) {
    const uint32_t entries = 1u << matrix.bits;
    for (size_t row = 0; row < matrix.rows; ++row)
        for (uint32_t k = 0; k < entries; ++k) {
            const uint16_t entry = matrix.lut[row * entries + k];
            out[row * 2 * entries + k] = static_cast<uint8_t>(entry);
            out[row * 2 * entries + entries + k] = static_cast<uint8_t>(entry >> 8);
        }
}

void pack_nonzeros(const Matrix &matrix, uint32_t *out) {
    const uint32_t count = matrix.row_ptr[matrix.rows];
    for (size_t i = 0; i < count; ++i)
        if (wide(matrix)) {
            out[2 * i] = static_cast<const uint32_t *>(matrix.col)[i];
            out[2 * i + 1] = matrix.val[i];
        } else {
            out[i] = static_cast<const uint16_t *>(matrix.col)[i] |
                     static_cast<uint32_t>(matrix.val[i]) << 16;
        }
}

void pack_segments(const Matrix &matrix, uint32_t *first_segment, uint32_t *segment_begin) {
    uint32_t segments = 0, row = 0;  // rows up to this one have their first segment
    for_each_segment(matrix, [&](const Segment &segment) {
        while (row <= segment.row) first_segment[row++] = segments;
        segment_begin[2 * segments] = segment.begin;
        segment_begin[2 * segments + 1] = segment.end;
        ++segments;
    });
    while (row <= densq_tile_count(matrix.rows) * DENSQ_TILE_ROWS) first_segment[row++] = segments;
}

}  // namespace

size_t packed_bytes(const Matrix &matrix) { return place_arrays(matrix).end; }

void pack(const Matrix &matrix, void *host_out) {
    const Places places = place_arrays(matrix);
    uint8_t *base = static_cast<uint8_t *>(host_out);
    const auto words = [base](uint64_t offset) {
        return static_cast<uint32_t *>(static_cast<void *>(base + offset));
    };
    const uint32_t tiles = densq_tile_count(matrix.rows), spans = span_count(matrix.cols);
    uint8_t *out = base;
    for (uint32_t tile = 0; tile < tiles; ++tile)
        for (uint32_t span = 0; span < spans; ++span, out += matrix.bits * kPacketBytes)
            pack_span(matrix, tile, span, out);
    memset(base + places.tables, 0, places.end - places.tables);
    pack_tables(matrix, base + places.tables);
    if (!matrix.row_ptr) return;
    for (uint32_t row = 0; row <= tiles * DENSQ_TILE_ROWS; ++row)
        words(places.row_ptr)[row] = matrix.row_ptr[row < matrix.rows ? row : matrix.rows];
    pack_nonzeros(matrix, words(places.nonzeros));
    if (places.segments)
        pack_segments(matrix, words(places.first_segment), words(places.segment_begin));
}

PackedMatrix view_packed(const Matrix &matrix, const void *device_base) {
    const Places places = place_arrays(matrix);
    const uint8_t *base = static_cast<const uint8_t *>(device_base);
    const auto words = [base](uint64_t offset) {
        return static_cast<const uint32_t *>(static_cast<const void *>(base + offset));
    };
    PackedMatrix packed = {};
    packed.rows = matrix.rows;
    packed.cols = matrix.cols;
    packed.bits = matrix.bits;
    packed.spans = span_count(matrix.cols);
    packed.codes = base;
    packed.tables = base + places.tables;
    if (!matrix.row_ptr) return packed;
    packed.segments = places.segments;
    packed.row_ptr = words(places.row_ptr);
    packed.nonzeros = base + places.nonzeros;
    if (!places.segments) return packed;
    packed.first_segment = words(places.first_segment);
    packed.segment_begin = words(places.segment_begin);
    return packed;
}

}  // namespace densq::cuda
