// SPDX-License-Identifier: MIT
// bind.cpp - what a matrix needs besides the file: its plan, and LUTs as integers for the
// precisions that have them.
#include <string.h>

#include "lib/cpu/cpu_backend.hpp"
#include "lib/cpu/integer_luts.hpp"

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
    void *integers;
    RowScale *row_scale;
    Segment *segment;
    uint32_t *chunk_begin;
};

// The counts are limited by the size of the file, so that the sum cannot overflow 64 bits.
Arrays lay_out(Arena *arena, const Matrix &matrix, const Plan &plan, densq_precision precision) {
    const uint32_t entry_bytes = integer_bytes(precision);
    const uint64_t rows = entry_bytes ? matrix.rows : 0;
    Arrays arrays;
    arrays.weights = arena->take<CpuWeights>(1);
    arrays.row_scale = arena->take<RowScale>(rows);
    arrays.integers = arena->take<uint8_t>((rows << matrix.bits) * entry_bytes);
    arrays.segment = arena->take<Segment>(plan.segments);
    arrays.chunk_begin = arena->take<uint32_t>(static_cast<uint64_t>(plan.chunks) + 1);
    return arrays;
}

}  // namespace

CpuWeights *bind(const CpuBackend *backend, const Matrix &matrix) {
    Plan plan = measure_plan(matrix);
    Arena sizes(nullptr);
    lay_out(&sizes, matrix, plan, backend->precision);
    if (sizes.used > SIZE_MAX) return nullptr;
    const auto bytes = static_cast<size_t>(sizes.used);
    void *memory = allocate(backend->allocator, bytes, alignof(CpuWeights));
    if (!memory) return nullptr;

    Arena arena(static_cast<uint8_t *>(memory));
    const Arrays arrays = lay_out(&arena, matrix, plan, backend->precision);
    plan.segment = arrays.segment;
    plan.chunk_begin = arrays.chunk_begin;
    make_plan(matrix, &plan);
    CpuWeights *weights = arrays.weights;
    *weights = CpuWeights{{backend, matrix.rows, matrix.cols}, matrix, plan, bytes};
    if (integer_bytes(backend->precision)) {
        make_integer_luts(matrix, backend->precision, arrays.integers, arrays.row_scale);
        weights->matrix.integers = arrays.integers;
        weights->matrix.row_scale = arrays.row_scale;
    }
    return weights;
}

void unbind(CpuWeights *weights) { release(weights->backend->allocator, weights, weights->bytes); }

}  // namespace densq
