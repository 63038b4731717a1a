// SPDX-License-Identifier: MIT
// bind.cpp - what a matrix needs besides the file: its plan, and LUTs as integers for the fast
// precision.
#include <string.h>

#include "densq/half.h"
#include "lib/base/float_environment.hpp"
#include "lib/cpu/cpu_backend.hpp"

namespace densq {
namespace {

// Arrays behind a CpuWeights, in one block; `at` runs over it twice, first to measure.
class Arena {
public:
    explicit Arena(uint8_t *memory) : base(memory) {}

    template <typename T>
    T *take(uint64_t count) {
        used = (used + alignof(T) - 1) / alignof(T) * alignof(T);
        T *taken = base ? reinterpret_cast<T *>(base + used) : nullptr;
        used += count * sizeof(T);
        return taken;
    }

    uint64_t used = 0;

private:
    uint8_t *base;
};

struct Arrays {
    CpuWeights *weights;
    int16_t *fast_lut;
    float *fast_scale;
    Segment *segment;
    uint32_t *chunk_begin;
};

// The counts are limited by the size of the file, so that the sum cannot overflow 64 bits.
Arrays lay_out(Arena *arena, const Matrix &matrix, const Plan &plan, bool fast) {
    const uint64_t rows = fast ? matrix.rows : 0;
    Arrays arrays;
    arrays.weights = arena->take<CpuWeights>(1);
    arrays.fast_scale = arena->take<float>(rows);
    arrays.fast_lut = arena->take<int16_t>(rows << matrix.bits);
    arrays.segment = arena->take<Segment>(plan.segments);
    arrays.chunk_begin = arena->take<uint32_t>(static_cast<uint64_t>(plan.chunks) + 1);
    return arrays;
}

// Makes the LUT of a row: entries ~ fast * scale, with |fast| <= kFastMaxLut.  Returns the scale.
float make_fast_row(const uint16_t *lut, uint32_t entries, int16_t *fast) {
    float largest = 0;
    for (uint32_t k = 0; k < entries; ++k) {
        const float value = densq_f16_to_f32(lut[k]);
        const float magnitude = value < 0 ? -value : value;
        if (magnitude > largest) largest = magnitude;
    }
    const float inverse = largest > 0 ? kFastMaxLut / largest : 0;
    for (uint32_t k = 0; k < entries; ++k) {
        const float scaled = densq_f16_to_f32(lut[k]) * inverse;
        fast[k] = static_cast<int16_t>(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    }
    return largest / kFastMaxLut;
}

void make_fast_lut(const Matrix &matrix, int16_t *fast_lut, float *fast_scale) {
    const FloatEnvironment environment;
    const uint32_t entries = 1u << matrix.bits;
    for (uint32_t row = 0; row < matrix.rows; ++row) {
        const size_t at = static_cast<size_t>(row) * entries;
        fast_scale[row] = make_fast_row(matrix.lut + at, entries, fast_lut + at);
    }
}

}  // namespace

CpuWeights *bind(const CpuBackend *backend, const Matrix &matrix) {
    const bool fast = backend->precision == DENSQ_FAST;
    Plan plan = measure_plan(matrix);
    Arena sizes(nullptr);
    lay_out(&sizes, matrix, plan, fast);
    if (sizes.used > SIZE_MAX) return nullptr;
    const auto bytes = static_cast<size_t>(sizes.used);
    void *memory = allocate(backend->allocator, bytes, alignof(CpuWeights));
    if (!memory) return nullptr;

    Arena arena(static_cast<uint8_t *>(memory));
    const Arrays arrays = lay_out(&arena, matrix, plan, fast);
    plan.segment = arrays.segment;
    plan.chunk_begin = arrays.chunk_begin;
    make_plan(matrix, &plan);
    CpuWeights *weights = arrays.weights;
    *weights = CpuWeights{{backend, matrix.rows, matrix.cols}, matrix, plan, bytes};
    if (fast) {
        make_fast_lut(matrix, arrays.fast_lut, arrays.fast_scale);
        weights->matrix.fast_lut = arrays.fast_lut;
        weights->matrix.fast_scale = arrays.fast_scale;
    }
    return weights;
}

void unbind(CpuWeights *weights) { release(weights->backend->allocator, weights, weights->bytes); }

}  // namespace densq
