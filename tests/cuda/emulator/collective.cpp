// SPDX-License-Identifier: MIT
// collective.cpp - what the lanes of a warp compute from each other's values.
#include "thread_block.hpp"
#include "densq/half.h"

namespace densq::emulator {

using device::kWarpThreads;

namespace {

float half_of_pair(uint32_t pair, uint32_t which) {
    return densq_f16_to_f32(static_cast<uint16_t>(pair >> 16 * which));
}

// The fragment map of kernels/cuda/device_words.hpp.
void multiply_matrices(Collective *const (&lanes)[32]) {
    float a[16][16], b[16][8];
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
        const uint32_t g = lane / 4, t = lane % 4;
        const MmaOperands &operands = *lanes[lane]->operands;
        for (uint32_t i = 0; i < 4; ++i)
            for (uint32_t half = 0; half < 2; ++half)
                a[g + i % 2 * 8][2 * t + i / 2 * 8 + half] = half_of_pair(operands.a[i], half);
        for (uint32_t i = 0; i < 2; ++i)
            for (uint32_t half = 0; half < 2; ++half)
                b[2 * t + i * 8 + half][g] = half_of_pair(operands.b[i], half);
    }
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
        for (uint32_t i = 0; i < 4; ++i) {
            const uint32_t row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
            float &sum = lanes[lane]->operands->sum[i];
            for (uint32_t k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
        }
    }
}

// The lane whose value a lane gets.
uint32_t source(WarpWord word, uint32_t lane, uint32_t argument) {
    if (word == WarpWord::kShuffle) return argument;
    if (word == WarpWord::kShuffleXor) return lane ^ argument;
    return lane + argument < kWarpThreads ? lane + argument : lane;
}

}  // namespace

void compute_collective(Collective *const (&lanes)[32]) {
    const WarpWord word = lanes[0]->word;  // all but kSync name all lanes
    if (word == WarpWord::kMma) {
        multiply_matrices(lanes);
        return;
    }
    uint32_t ballot = 0;
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) ballot |= lanes[lane]->value << lane;
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
        Collective &mine = *lanes[lane];
        mine.result =
            word == WarpWord::kBallot ? ballot : lanes[source(word, lane, mine.argument)]->value;
    }
}

}  // namespace densq::emulator
