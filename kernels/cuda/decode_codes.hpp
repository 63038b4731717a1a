// SPDX-License-Identifier: MIT
// decode_codes.hpp - codes to weights: packed chunks (packing.hpp) to fragments of a matrix product.
//
// A row's table stays in registers as two planes, the low and the high bytes of its entries.  PRMT
// looks up four bytes of a plane at once, its selector being four codes, one in each nibble.
#pragma once
#include "kernels/cuda/device_words.hpp"
#include "kernels/cuda/packing.hpp"

namespace densq::cuda {

using namespace densq::device;

template <uint32_t bits>
struct RowTable {
    static constexpr uint32_t kWords = (1u << bits) / 4;
    uint32_t low[kWords], high[kWords];

    DENSQ_DEVICE void load(const U32x2 *tables, uint32_t row) {
        uint32_t words[2 * kWords];
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kWords; ++i) {
            const U32x2 pair = load_readonly(tables + static_cast<size_t>(row) * kWords + i);
            words[2 * i] = pair.x;
            words[2 * i + 1] = pair.y;
        }
        DENSQ_DEVICE_UNROLL
        for (uint32_t i = 0; i < kWords; ++i) {
            low[i] = words[i];
            high[i] = words[kWords + i];
        }
    }
};

// Those of the lane's rows.
template <uint32_t bits>
DENSQ_DEVICE void load_tables(const PackedMatrix &matrix, uint32_t tile,
                              RowTable<bits> (&tables)[2]) {
    const uint32_t row = tile * kTileRows + lane_index() / 4;
    tables[0].load(static_cast<const U32x2 *>(matrix.tables), row);
    tables[1].load(static_cast<const U32x2 *>(matrix.tables), row + 8);
}

// Eight codes of a row.  PRMT wants bit 3 of a selector's nibbles clear, so with 4 bits the codes'
// top bits stand apart: as the selectors that pick from the lower and the upper half of a table.
struct EightCodes {
    uint32_t index, pick;
};

DENSQ_DEVICE EightCodes last_four(const EightCodes &codes) {
    return {high_half(codes.index), high_half(codes.pick)};
}

template <uint32_t bits>
DENSQ_DEVICE uint32_t look_up_bytes(const uint32_t (&plane)[RowTable<bits>::kWords],
                                    const EightCodes &codes) {
    if constexpr (bits == 2) return byte_permute(plane[0], plane[0], codes.index);
    if constexpr (bits == 3) return byte_permute(plane[0], plane[1], codes.index);
    if constexpr (bits == 4)
        return byte_permute(byte_permute(plane[0], plane[1], codes.index),
                            byte_permute(plane[2], plane[3], codes.index), codes.pick);
}

// The weights of the first four codes, as pairs of halves.
template <uint32_t bits>
DENSQ_DEVICE void look_up(const RowTable<bits> &table, const EightCodes &codes, uint32_t &first,
                          uint32_t &second) {
    const uint32_t low = look_up_bytes<bits>(table.low, codes);
    const uint32_t high = look_up_bytes<bits>(table.high, codes);
    first = byte_permute(low, high, 0x5140);
    second = byte_permute(low, high, 0x7362);
}

// A lane's codes of a block.  Chunks are replaced as soon as they are used up, which keeps almost
// a whole block in flight without registers for two.
template <uint32_t bits>
struct BlockCodes {
    uint32_t words[4 * bits];

    DENSQ_DEVICE void load(const U32x4 *chunks, uint32_t chunk) {
        const U32x4 loaded = load_streaming(chunks + chunk * kWarpThreads);
        words[4 * chunk] = loaded.x;
        words[4 * chunk + 1] = loaded.y;
        words[4 * chunk + 2] = loaded.z;
        words[4 * chunk + 3] = loaded.w;
    }

    DENSQ_DEVICE void load_all(const U32x4 *chunks) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t chunk = 0; chunk < bits; ++chunk) load(chunks, chunk);
    }

    // Loads what `unit` was the last to use.
    DENSQ_DEVICE void replace_after(uint32_t unit, const U32x4 *chunks) {
        const uint32_t before = unit / 2 * bits, used = before + bits;  // words, at odd units
        DENSQ_DEVICE_UNROLL
        for (uint32_t chunk = 0; chunk < bits; ++chunk)
            if (unit % 2 && 4 * chunk + 4 > before && 4 * chunk + 4 <= used) load(chunks, chunk);
    }

    DENSQ_DEVICE EightCodes eight(uint32_t unit, uint32_t half) const {
        const uint32_t first = unit / 2 * bits;  // word of the pair of units
        if constexpr (bits == 2) {
            const uint32_t word = words[first + half];
            return {(unit % 2 ? word >> 2 : word) & 0x33333333u, 0};
        }
        if constexpr (bits == 3) {
            if (unit % 2 == 0 || half == 0)
                return {words[first + unit % 2 * 2 + half] & 0x77777777u, 0};
            return {(words[first] >> 3 & 0x11111111u) | (words[first + 1] >> 2 & 0x22222222u) |
                        (words[first + 2] >> 1 & 0x44444444u),
                    0};
        }
        if constexpr (bits == 4) {
            const uint32_t word = words[first + unit % 2 * 2 + half];
            return {word & 0x77777777u, (word >> 1 & 0x44444444u) | 0x32103210u};
        }
    }
};

// sums[j] += W B_j for the 16 rows and the columns of one unit.  b[j] holds the lane's activations
// of columns 8t..8t+7.
template <uint32_t bits, uint32_t count>
DENSQ_DEVICE void multiply_unit(const RowTable<bits> (&tables)[2], EightCodes top,
                                EightCodes bottom, const U32x4 (&b)[count],
                                float (&sums)[count][4]) {
    DENSQ_DEVICE_UNROLL
    for (uint32_t half = 0; half < 2; ++half) {
        uint32_t a[4];
        look_up(tables[0], top, a[0], a[2]);
        look_up(tables[1], bottom, a[1], a[3]);
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j) {
            const uint32_t pair[2] = {half ? b[j].z : b[j].x, half ? b[j].w : b[j].y};
            mma_m16n8k16(sums[j], a, pair);
        }
        if (half == 0) {
            top = last_four(top);
            bottom = last_four(bottom);
        }
    }
}

}  // namespace densq::cuda
