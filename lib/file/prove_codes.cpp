// SPDX-License-Identifier: MIT
// prove_codes.cpp - that the bits of a codes section which stand for no code are 0.
//
// Such bits lie in the tails of tiles only.  All tiles of 16 rows have the same ones, so a mask of
// the bits in use is made once and compared with every tile.
#include <string.h>

#include "densq/layout.h"
#include "lib/base/checked.hpp"
#include "lib/file/prove.hpp"

namespace densq {
namespace {

constexpr uint32_t kMaxTailBytes = DENSQ_TILE_ROWS * DENSQ_MAX_BITS * DENSQ_LINE_BYTES;

struct Tail {
    uint64_t begin;  // from the tile's first byte
    uint64_t bytes;
    uint8_t used[kMaxTailBytes];  // bits that stand for codes
};

// Sets all bits of the codes that a tile of `tile_rows` rows has in its tail.
void make_tail(Tail *tail, uint32_t tile_rows, uint32_t cols, uint32_t bits) {
    const uint32_t tail_begin = cols - cols % DENSQ_BLOCK_COLS;
    const uint64_t tile_bytes = densq_tile_bytes(tile_rows, cols, bits);
    memset(tail->used, 0, sizeof tail->used);
    tail->begin = densq_tile_bytes(tile_rows, tail_begin, bits);
    tail->bytes = tile_bytes - tail->begin;
    for (uint32_t row = 0; row < tile_rows; ++row)
        for (uint32_t col = tail_begin; col < cols; ++col) {
            const densq_code_place place = densq_place_code(tile_rows, cols, bits, row, col);
            densq_put_code(tail->used + (place.group - tail->begin), bits, place.field, place.slot,
                           (1u << bits) - 1);
        }
}

// Returns the index of the first byte with a bit that is set but not in use, or tail.bytes.
uint64_t find_unused(const Tail &tail, const uint8_t *bytes) {
    uint64_t i = 0;
    for (; tail.bytes - i >= DENSQ_LINE_BYTES; i += DENSQ_LINE_BYTES) {
        uint8_t any = 0;
        for (uint32_t k = 0; k < DENSQ_LINE_BYTES; ++k)
            any = static_cast<uint8_t>(any | (bytes[i + k] & ~tail.used[i + k]));
        if (any) break;
    }
    while (i < tail.bytes && !(bytes[i] & ~tail.used[i])) ++i;
    return i;
}

densq_status prove_tile(const Proof &proof, const Subject &subject, const Tail &tail, uint32_t tile,
                        uint64_t tile_offset) {
    const uint64_t begin = checked_add(tile_offset, tail.begin);
    const uint64_t at = find_unused(tail, proof.bytes + begin);
    if (at == tail.bytes) return DENSQ_OK;
    return fail(proof.fault, DENSQ_ERR_CORRUPT, begin + at, subject, ": codes: a bit of tile ",
                tile, " that stands for no code is not zero");
}

}  // namespace

densq_status prove_codes(const Proof &proof, const Subject &subject,
                         const densq_matrix_record &record, const densq_section &codes) {
    if (record.cols % DENSQ_BLOCK_COLS == 0) return DENSQ_OK;
    Tail tail;
    uint32_t tail_rows = 0;  // the rows of the tiles that `tail` is for
    uint64_t tile_offset = codes.offset;
    for (uint32_t tile = 0; tile < densq_tile_count(record.rows); ++tile) {
        const uint32_t tile_rows = densq_tile_rows(record.rows, tile);
        if (tile_rows != tail_rows) make_tail(&tail, tile_rows, record.cols, record.bits);
        tail_rows = tile_rows;
        if (const densq_status status = prove_tile(proof, subject, tail, tile, tile_offset))
            return status;
        tile_offset += densq_tile_bytes(tile_rows, record.cols, record.bits);
    }
    return DENSQ_OK;
}

}  // namespace densq
