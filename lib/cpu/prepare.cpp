// SPDX-License-Identifier: MIT
// prepare.cpp - activations as the kernels take them.
#include "lib/base/dtype.hpp"
#include "lib/base/float_environment.hpp"
#include "lib/cpu/call.hpp"

namespace densq {
namespace {

// The activations by column, for the vectors from number `first` on.
float *columns_from(const Call &call, uint32_t first) {
    return call.floats(call.space.columns_at) + static_cast<size_t>(first) * call.cols();
}

// The number of vectors from number `first` on that kernels take at once: a power of two.
uint32_t count_from(const Call &call, uint32_t first) {
    uint32_t count = call.kernels().max_batch;
    while (count > call.batch - first) count /= 2;
    return count;
}

void convert(const Call &call, uint32_t first, uint32_t count) {
    const Operands &operands = call.operands;
    for (uint32_t b = first; b < first + count; ++b)
        read_floats(call.floats(call.space.floats_at) + static_cast<size_t>(b) * call.cols(),
                    element_at(operands.x, operands.x_dtype, (call.first + b) * operands.x_stride),
                    operands.x_dtype, call.cols());
}

// out[c * count + b] = x[b * x_stride + c]
void arrange_by_column(const float *x, size_t x_stride, uint32_t count, uint32_t cols, float *out) {
    for (uint32_t c = 0; c < cols; ++c)
        for (uint32_t b = 0; b < count; ++b) *out++ = x[b * x_stride + c];
}

}  // namespace

Activations activations_from(const Call &call, uint32_t bits, uint32_t first) {
    const Workspace &space = call.space;
    const PreparedAt &prepared = at_width(space.prepared, bits);
    Activations activations;
    activations.count = count_from(call, first);
    activations.x = call.x(first);
    activations.x_stride = call.x_stride();
    activations.prepared = call.base + prepared.vectors + first * space.vector_bytes;
    activations.scale = call.floats(prepared.scales) + first * space.vector_scales;
    activations.lane_sums = call.floats(prepared.lane_sums) + first * size_t{kBlockLanes};
    activations.vector_scale = call.floats(prepared.vector_scale) + first;
    activations.columns =
        space.by_column && activations.count > 1 ? columns_from(call, first) : activations.x;
    return activations;
}

void prepare_sets(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    const Call &call = *static_cast<const Call *>(arg);
    const uint64_t last = static_cast<uint64_t>(end) * call.kernels().max_batch;
    const uint32_t end_vector = last < call.batch ? static_cast<uint32_t>(last) : call.batch;
    for (uint32_t first = begin * call.kernels().max_batch; first < end_vector;) {
        const uint32_t count = count_from(call, first);
        if (!call.x_is_f32()) convert(call, first, count);
        for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
            if (!at_width(call.space.prepared, bits).used) continue;
            const Activations activations = activations_from(call, bits, first);
            call.kernels().prepare(&activations, call.cols(), bits);
        }
        if (call.space.by_column && count > 1)
            arrange_by_column(call.x(first), call.x_stride(), count, call.cols(),
                              columns_from(call, first));
        first += count;
    }
}

}  // namespace densq
