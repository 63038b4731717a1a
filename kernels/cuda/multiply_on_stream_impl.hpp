// SPDX-License-Identifier: MIT
// multiply_on_stream_impl.hpp - multiply_on_stream.hpp's functions, for nvcc (the .cu file) and for
// the tests' emulator.
#pragma once
#include "kernels/cuda/multiply_few.hpp"
#include "kernels/cuda/multiply_many.hpp"
#include "kernels/widths.hpp"

namespace densq::cuda {
namespace {

constexpr uint32_t kMaxVectors = 512;  // of a launch: what a workspace holds

uint32_t parts_of_vector(bool exact) { return exact ? 2 : 1; }

size_t round_up(size_t value, size_t to) { return (value + to - 1) / to * to; }

uint32_t vectors_at_once(uint32_t batch) { return batch < kMaxVectors ? batch : kMaxVectors; }

// Parts that a thread block of the product multiplies.
uint32_t parts_of_thread_block(uint32_t parts) {
    return parts <= 8 ? 8 : parts <= 16 ? 16 : parts <= 32 ? 32 : 64;
}

// The parts of a workspace from `base` on, and its size.
struct DeviceWorkspace {
    Prepared prepared;
    size_t bytes;
};

DeviceWorkspace lay_out(const PackedMatrix &matrix, bool exact, uint32_t vectors, uint8_t *base) {
    constexpr size_t kAlignment = 256;
    const size_t spans = matrix.spans;
    DeviceWorkspace workspace = {};
    Prepared &prepared = workspace.prepared;
    const auto take = [&](size_t bytes) -> void * {
        void *at = base ? base + workspace.bytes : nullptr;
        workspace.bytes += round_up(bytes, kAlignment);
        return at;
    };
    prepared.vectors = vectors;
    prepared.parts = vectors * parts_of_vector(exact);
    const size_t padded_parts = round_up(prepared.parts, parts_of_thread_block(prepared.parts));
    prepared.scale_pairs = static_cast<uint32_t>(padded_parts / 2);
    prepared.column_stride = static_cast<uint32_t>(padded_parts) / parts_of_vector(exact);
    prepared.halves = static_cast<U32x4 *>(take(prepared.parts * spans * kSpanCols * 2));
    prepared.scales = static_cast<U32x2 *>(take(spans * padded_parts * 4));
    prepared.segment_sums =
        static_cast<float *>(take(static_cast<size_t>(vectors) * matrix.segments * 4));
    if (prepared.parts > 16 && matrix.row_ptr)
        prepared.columns = static_cast<float *>(
            take(static_cast<size_t>(matrix.cols) * prepared.column_stride * 4));
    return workspace;
}

int launch_prepare(const Product &product, void *stream) {
    const uint32_t items = product.matrix.spans + product.matrix.segments;
    LaunchShape shape;
    shape.grid.x = (items + kPrepareWarps - 1) / kPrepareWarps;
    shape.grid.y = product.prepared.column_stride;
    shape.threads = kPrepareThreads;
    return launch<prepare>(shape, stream, product);
}

LaunchShape few_shape(const Product &product) {
    LaunchShape shape;
    shape.grid.x = densq_tile_count(product.matrix.rows);
    shape.threads = kFewThreads;
    return shape;
}

template <uint32_t bits, uint32_t count>
int launch_many(const Product &product, void *stream) {
    LaunchShape shape;
    shape.grid.x = (product.matrix.rows + kManyRows - 1) / kManyRows;
    shape.grid.y = (product.prepared.parts + 8 * count - 1) / (8 * count);
    shape.threads = kManyThreads;
    shape.dynamic_shared_bytes = kSliceGroups * stages_bytes(count);
    return launch<multiply_many<bits, count>>(shape, stream, product);
}

// Whether multiply_one can do it, without `prepare`: for one vector, if there are no heavy rows.
bool takes_one(const Product &product) {
    return product.prepared.vectors == 1 && product.matrix.segments == 0;
}

template <uint32_t bits>
int launch_product(const Product &product, void *stream) {
    const LaunchShape few = few_shape(product);
    if (takes_one(product))
        return product.parts_of_vector == 2
                   ? launch<multiply_one<bits, true>>(few, stream, product)
                   : launch<multiply_one<bits, false>>(few, stream, product);
    switch (parts_of_thread_block(product.prepared.parts)) {
    case 8: return launch<multiply_few<bits, 1>>(few, stream, product);
    case 16: return launch<multiply_few<bits, 2>>(few, stream, product);
    case 32: return launch_many<bits, 4>(product, stream);
    default: return launch_many<bits, 8>(product, stream);
    }
}

int launch_all(const Product &product, void *stream) {
    const int error = takes_one(product) ? 0 : launch_prepare(product, stream);
    if (error) return error;
    return with_width(product.matrix.bits, [&](auto width) {
        return launch_product<decltype(width)::value>(product, stream);
    });
}

}  // namespace

size_t multiply_workspace_bytes(const PackedMatrix &matrix, bool exact, uint32_t batch) {
    return lay_out(matrix, exact, vectors_at_once(batch), nullptr).bytes;
}

int multiply_on_stream(const MultiplyCall &call) {
    const size_t x_bytes = call.x_dtype == Dtype::kF32 ? 4 : 2;
    const size_t y_bytes = call.y_dtype == Dtype::kF32 ? 4 : 2;
    for (size_t first = 0; first < call.batch;) {
        const uint32_t vectors = vectors_at_once(call.batch - static_cast<uint32_t>(first));
        Product product = {};
        product.matrix = call.matrix;
        product.activations = {
            static_cast<const uint8_t *>(call.x) + first * call.x_stride * x_bytes, call.x_dtype,
            call.x_stride};
        product.outputs = {static_cast<uint8_t *>(call.y) + first * call.y_stride * y_bytes,
                           call.y_dtype, call.y_stride};
        product.prepared =
            lay_out(call.matrix, call.exact, vectors, static_cast<uint8_t *>(call.workspace))
                .prepared;
        product.parts_of_vector = parts_of_vector(call.exact);
        const int error = launch_all(product, call.stream);
        if (error) return error;
        first += vectors;
    }
    return 0;
}

}  // namespace densq::cuda
