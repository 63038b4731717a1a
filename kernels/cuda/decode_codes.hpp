// SPDX-License-Identifier: MIT
// decode_codes.hpp - codes to weights: packets (packing.hpp) to fragments of a matrix product.
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

// The tables of the lane's rows.
template <uint32_t bits>
DENSQ_DEVICE void load_tables(const PackedMatrix &matrix, uint32_t tile,
                              RowTable<bits> (&tables)[2]) {
    const uint32_t row = tile * DENSQ_TILE_ROWS + lane_index() / 4;
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
    if constexpr (bits == 2) {
        return byte_permute(plane[0], plane[0], codes.index);
    } else if constexpr (bits == 3) {
        return byte_permute(plane[0], plane[1], codes.index);
    } else {
        static_assert(bits == 4);
        return byte_permute(byte_permute(plane[0], plane[1], codes.index),
                            byte_permute(plane[2], plane[3], codes.index), codes.pick);
    }
}

// The weights of the first four codes, as pairs of halves.
template <uint32_t bits>
DENSQ_DEVICE void look_up(const RowTable<bits> &table, const EightCodes &codes, uint32_t &first,
                          uint32_t &second) {
    const uint32_t low = look_up_bytes<bits>(table.low, codes);
    const uint32_t high = look_up_bytes<bits>(table.high, codes);
    constexpr uint32_t kInterleaveFirst = 0x5140, kInterleaveLast = 0x7362;  // low, high, low, high
    first = byte_permute(low, high, kInterleaveFirst);
    second = byte_permute(low, high, kInterleaveLast);
}

// A lane's codes of a span.  Packets are replaced as soon as they are used up, which keeps almost
// a whole span in flight without registers for two.
template <uint32_t bits>
struct SpanCodes {
    uint32_t words[4 * bits];

    DENSQ_DEVICE void load(const U32x4 *packets, uint32_t packet) {
        const U32x4 loaded = load_streaming(packets + packet * kWarpThreads);
        words[4 * packet] = loaded.x;
        words[4 * packet + 1] = loaded.y;
        words[4 * packet + 2] = loaded.z;
        words[4 * packet + 3] = loaded.w;
    }

    DENSQ_DEVICE void load_all(const U32x4 *packets) {
        DENSQ_DEVICE_UNROLL
        for (uint32_t packet = 0; packet < bits; ++packet) load(packets, packet);
    }

    // Loads what `unit` was the last to use.
    DENSQ_DEVICE void replace_after(uint32_t unit, const U32x4 *packets) {
        const uint32_t before = unit / 2 * bits, used = before + bits;  // words, at odd units
        DENSQ_DEVICE_UNROLL
        for (uint32_t packet = 0; packet < bits; ++packet)
            if (unit % 2 && 4 * packet + 4 > before && 4 * packet + 4 <= used)
                load(packets, packet);
    }

    DENSQ_DEVICE EightCodes eight(uint32_t unit, uint32_t half) const {
        const uint32_t first = unit / 2 * bits;  // word of the pair of units
        if constexpr (bits == 2) {
            const uint32_t word = words[first + half];
            return {(unit % 2 ? word >> 2 : word) & 3 * kLowBits, 0};
        } else if constexpr (bits == 3) {
            if (unit % 2 == 0 || half == 0)
                return {words[first + unit % 2 * 2 + half] & 7 * kLowBits, 0};
            return {(words[first] >> kSpareBit & kLowBits) |
                        (words[first + 1] >> (kSpareBit - 1) & kLowBits << 1) |
                        (words[first + 2] >> (kSpareBit - 2) & kLowBits << 2),
                    0};
        } else {
            static_assert(bits == 4);
            const uint32_t word = words[first + unit % 2 * 2 + half];
            constexpr uint32_t kPickLower = 0x32103210;  // + 4: from the upper half
            return {word & 7 * kLowBits, (word >> 1 & kLowBits << 2) | kPickLower};
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
