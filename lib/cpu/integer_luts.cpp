// SPDX-License-Identifier: MIT
#include "lib/cpu/integer_luts.hpp"

#include "densq/half.h"
#include "kernels/table.hpp"
#include "lib/base/float_environment.hpp"

namespace densq {
namespace {

constexpr uint32_t kMaxEntries = 1u << DENSQ_MAX_BITS;

float magnitude(float value) { return value < 0 ? -value : value; }

// entry ~ integer * scale with |integer| <= kFastMaxLut.
RowScale make_fast_row(const float *lut, uint32_t entries, int16_t *integers) {
    float largest = 0;
    for (uint32_t k = 0; k < entries; ++k)
        if (magnitude(lut[k]) > largest) largest = magnitude(lut[k]);
    const float inverse = largest > 0 ? kFastMaxLut / largest : 0;
    for (uint32_t k = 0; k < entries; ++k) {
        const float scaled = lut[k] * inverse;
        integers[k] = static_cast<int16_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    }
    return {largest / kFastMaxLut, 0};
}

// A grid of equal steps, and the entries of a row on it.
struct Grid {
    uint8_t integers[kMaxEntries];
    RowScale scale;
    float square_error, largest_error;
};

// The integers 0..steps that are nearest to the entries when these are stretched from `lowest` to
// `highest`.
void round_to_steps(const float *lut, uint32_t entries, float lowest, float highest, int steps,
                    Grid *grid) {
    const float inverse = static_cast<float>(steps) / (highest - lowest);
    for (uint32_t k = 0; k < entries; ++k)
        grid->integers[k] = static_cast<uint8_t>((lut[k] - lowest) * inverse + 0.5f);
}

// Sets the scale that has the least square error for the integers: a line through the points
// (integer, entry).
void fit_scale(const float *lut, uint32_t entries, Grid *grid) {
    double sum_u = 0, sum_v = 0, sum_uu = 0, sum_uv = 0;
    for (uint32_t k = 0; k < entries; ++k) {
        const double u = grid->integers[k], v = static_cast<double>(lut[k]);
        sum_u += u;
        sum_v += v;
        sum_uu += u * u;
        sum_uv += u * v;
    }
    const double n = entries;
    const double scale = (n * sum_uv - sum_u * sum_v) / (n * sum_uu - sum_u * sum_u);
    grid->scale = {static_cast<float>(scale), static_cast<float>((sum_v - scale * sum_u) / n)};
}

void measure(const float *lut, uint32_t entries, Grid *grid) {
    grid->square_error = grid->largest_error = 0;
    for (uint32_t k = 0; k < entries; ++k) {
        const float error =
            magnitude(grid->integers[k] * grid->scale.scale + grid->scale.offset - lut[k]);
        grid->square_error += error * error;
        if (error > grid->largest_error) grid->largest_error = error;
    }
}

// entry ~ integer * scale + offset with integer <= int8_max_lut.  Of grids with fewer steps, down
// to four fifths, one usually meets the entries much better than the finest does: the square error
// is half (4 bits), a third (3 bits), an eighth (2 bits) of it.  But no entry may be further from
// the grid than half a step of the finest.
RowScale make_int8_row(const float *lut, uint32_t bits, uint8_t *integers) {
    const uint32_t entries = 1u << bits;
    const int most = int8_max_lut(bits);
    float lowest = lut[0], highest = lut[0];
    for (uint32_t k = 1; k < entries; ++k) {
        if (lut[k] < lowest) lowest = lut[k];
        if (lut[k] > highest) highest = lut[k];
    }
    if (highest == lowest) {
        for (uint32_t k = 0; k < entries; ++k) integers[k] = 0;
        return {0, lowest};
    }
    Grid best;
    round_to_steps(lut, entries, lowest, highest, most, &best);
    best.scale = {(highest - lowest) / static_cast<float>(most), lowest};
    measure(lut, entries, &best);
    const float allowed = best.scale.scale / 2;
    for (int steps = most; steps * 5 >= most * 4; --steps) {
        Grid grid;
        round_to_steps(lut, entries, lowest, highest, steps, &grid);
        fit_scale(lut, entries, &grid);
        measure(lut, entries, &grid);
        if (grid.square_error < best.square_error && grid.largest_error <= allowed) best = grid;
    }
    for (uint32_t k = 0; k < entries; ++k) integers[k] = best.integers[k];
    return best.scale;
}

}  // namespace

uint32_t integer_bytes(densq_precision precision) {
    switch (precision) {
    case DENSQ_FAST: return sizeof(int16_t);
    case DENSQ_INT8: return sizeof(uint8_t);
    default: return 0;
    }
}

void make_integer_luts(const Matrix &matrix, densq_precision precision, void *integers,
                       RowScale *row_scale) {
    const FloatEnvironment environment;
    const uint32_t entries = 1u << matrix.bits;
    for (uint32_t row = 0; row < matrix.rows; ++row) {
        const size_t at = static_cast<size_t>(row) * entries;
        float lut[kMaxEntries];
        for (uint32_t k = 0; k < entries; ++k) lut[k] = densq_f16_to_f32(matrix.lut[at + k]);
        if (precision == DENSQ_FAST)
            row_scale[row] = make_fast_row(lut, entries, static_cast<int16_t *>(integers) + at);
        else
            row_scale[row] = make_int8_row(lut, matrix.bits, static_cast<uint8_t *>(integers) + at);
    }
}

}  // namespace densq
