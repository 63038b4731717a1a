// SPDX-License-Identifier: MIT
// call.hpp - a multiplication of a few vectors: its matrices, activations and outputs, and how the
// workspace is divided.
//
// It has as many vectors as stay in the second-level cache with their outputs.  All are prepared
// first, for every width of codes that a matrix has.
#pragma once
#include "lib/base/operands.hpp"
#include "lib/cpu/cpu_backend.hpp"

namespace densq {

// Where activations for the matrices of one width are, all vectors in each part.
struct PreparedAt {
    bool used;
    uint64_t vectors, scales, lane_sums, vector_scale;
};

struct Workspace {
    uint64_t vector_bytes;   // of one prepared vector, a multiple of 64
    uint64_t vector_scales;  // of one vector
    WidthTable<PreparedAt> prepared;
    bool by_column;       // whether a sparse part needs activations by column
    uint64_t columns_at;  // [cols][count] of each set of vectors
    uint64_t floats_at;   // [batch][cols], x if it is not F32
    uint64_t outputs_at;  // [batch][rows] of each product, y if it is not F32
    uint64_t sums_at;     // [segments][batch] of each product
    uint64_t bytes;
};

// How many vectors a call has at most.
uint32_t vectors_at_once(const Operands &operands);

Workspace lay_out_workspace(const Operands &operands, uint32_t batch);

inline const CpuWeights *weights_of(const densq_product &product) {
    return static_cast<const CpuWeights *>(product.weights);
}

struct Call {
    const Operands &operands;
    uint32_t first, batch;  // of the vectors of the operands
    Workspace space;
    uint8_t *base;  // of the workspace

    const CpuBackend &backend() const { return weights_of(*operands.products)->cpu(); }
    const PrecisionKernels &kernels() const { return *backend().kernels; }
    uint32_t cols() const { return operands.products->weights->cols; }
    float *floats(uint64_t at) const { return reinterpret_cast<float *>(base + at); }

    bool x_is_f32() const { return operands.x_dtype == DENSQ_F32; }
    bool y_is_f32() const { return operands.y_dtype == DENSQ_F32; }
    size_t x_stride() const { return x_is_f32() ? operands.x_stride : cols(); }
    // The activations of a vector of this call, as floats.
    const float *x(uint32_t vector) const {
        const float *all = x_is_f32()
                               ? static_cast<const float *>(operands.x) + first * operands.x_stride
                               : floats(space.floats_at);
        return all + vector * x_stride();
    }
};

// A product of a call.
struct Part {
    const CpuWeights *weights;
    const densq_product *product;
    float *y;  // as floats
    size_t y_stride;
    float *sums;           // of segments
    uint32_t first_chunk;  // its chunks follow those of the products before it
};

// Calls visit(part) for every product, until it returns false.
template <typename Visit>
void for_each_part(const Call &call, Visit visit) {
    float *outputs = call.floats(call.space.outputs_at), *sums = call.floats(call.space.sums_at);
    uint32_t chunk = 0;
    for (uint32_t i = 0; i < call.operands.count; ++i) {
        const densq_product &product = call.operands.products[i];
        const CpuWeights *weights = weights_of(product);
        Part part = {weights, &product, outputs, weights->rows, sums, chunk};
        if (call.y_is_f32()) {
            part.y = static_cast<float *>(product.y) + call.first * product.y_stride;
            part.y_stride = product.y_stride;
        }
        if (!visit(part)) return;
        outputs += static_cast<size_t>(weights->rows) * call.batch;
        sums += static_cast<size_t>(weights->plan.segments) * call.batch;
        chunk += weights->plan.chunks;
    }
}

// The vectors of a call from number `first` on, as many as the kernels can take, for matrices with
// codes of this width.
Activations activations_from(const Call &call, uint32_t bits, uint32_t first);

// A task: prepares sets of max_batch vectors; the last set may have fewer.  `call` is a Call.
void prepare_sets(void *call, uint32_t begin, uint32_t end);

}  // namespace densq
