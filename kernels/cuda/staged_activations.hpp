// SPDX-License-Identifier: MIT
// staged_activations.hpp - activations on their way through shared memory, for the product with
// many vectors: a quarter of a span of columns at a time, asynchronously, three quarters deep.
#pragma once
#include "kernels/cuda/sum_order.hpp"

namespace densq::cuda {

constexpr uint32_t kManyTiles = 4;
constexpr uint32_t kManyRows = kManyTiles * DENSQ_TILE_ROWS;
constexpr uint32_t kManyThreads = kManyTiles * kSliceGroups * kWarpThreads;
constexpr uint32_t kSliceGroupThreads = kManyTiles * kWarpThreads;
constexpr uint32_t kStages = 3;
constexpr uint32_t kStageUnits = 2;
constexpr uint32_t kSpanStages = kSpanUnits / kStageUnits;
constexpr uint32_t kStageLoads = kStageUnits * 4;  // of 16 bytes, for each part

DENSQ_HOST_DEVICE uint32_t stages_bytes(uint32_t count) {
    return kStages * 8 * count * kStageLoads * 16;
}

// The activations of one group of slices on their way through shared memory.
template <uint32_t count>
class Stages {
public:
    DENSQ_DEVICE Stages(const Product &product, uint32_t group, Slice slice, uint32_t first_part)
        : memory(dynamic_shared<uint32_t>(group * stages_bytes(count), stages_bytes(count) / 4)),
          steps(slice.end > slice.begin ? (slice.end - slice.begin) * kSpanStages : 0),
          part_stride(product.matrix.spans * (kSpanUnits * 4)) {
        const uint32_t thread = thread_index() % kSliceGroupThreads, part = thread / kStageLoads;
        from = product.prepared.halves + static_cast<size_t>(first_part + part) * part_stride +
               slice.begin * (kSpanUnits * 4) + thread % kStageLoads;
        const uint32_t skipped = first_part + part;
        parts = skipped < product.prepared.parts ? product.prepared.parts - skipped : 0;
        write_at = word_at(part, thread % kStageLoads);
        for (uint32_t unit = 0; unit < kStageUnits; ++unit)
            read_at[unit] = word_at(lane_index() / 4, unit * 4 + lane_index() % 4);
    }

    // Starts the next copy.
    DENSQ_DEVICE void copy() {
        if (steps) {
            DENSQ_DEVICE_UNROLL
            for (uint32_t i = 0; i < 8 * count / kPartsAtOnce; ++i)
                copy_async(memory, write_at + i * kPartsAtOnce * kPartWords,
                           from + static_cast<size_t>(i * kPartsAtOnce) * part_stride,
                           i * kPartsAtOnce < parts);
            from += kStageLoads;
            --steps;
        }
        copy_async_commit();
        write_at += writing == kStages - 1 ? 0u - (kStages - 1) * kStageWords : kStageWords;
        writing = writing == kStages - 1 ? 0 : writing + 1;
    }

    DENSQ_DEVICE void load(uint32_t unit, U32x4 (&b)[count]) const {
        DENSQ_DEVICE_UNROLL
        for (uint32_t j = 0; j < count; ++j)
            b[j] = memory.load_u32x4(reading * kStageWords + read_at[unit % kStageUnits] +
                                     j * 8 * kPartWords);
    }

    DENSQ_DEVICE void next() { reading = reading == kStages - 1 ? 0 : reading + 1; }

private:
    static constexpr uint32_t kPartWords = kStageLoads * 4;
    static constexpr uint32_t kStageWords = 8 * count * kPartWords;
    static constexpr uint32_t kPartsAtOnce = kSliceGroupThreads / kStageLoads;

    // Lanes that load at the same time, those of parts 2i and 2i + 1, get all banks.
    static DENSQ_DEVICE uint32_t word_at(uint32_t part, uint32_t load) {
        return part * kPartWords + (load ^ part % 2 * 4) * 4;
    }

    Shared<uint32_t> memory;  // [kStages][8 * count parts][kStageLoads][4]
    const U32x4 *from;        // of the thread's first part
    uint32_t steps;           // to be copied
    uint32_t parts;           // there, from the thread's first part on
    uint32_t part_stride;
    uint32_t write_at, read_at[kStageUnits];
    uint32_t writing = 0, reading = 0;
};

}  // namespace densq::cuda
