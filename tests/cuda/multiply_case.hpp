// SPDX-License-Identifier: MIT
// multiply_case.hpp - a product on the emulator: every buffer is as large as it need be and lent,
// so that an access beside it is found.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>

#include "emulator/emulator.hpp"
#include "kernels/cuda/multiply_on_stream.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace densq::test {

using cuda::Dtype;
using emulator::Emulator;
using emulator::Use;

// Memory at a multiple of 256 bytes, as a GPU's.
class DeviceMemory {
public:
    explicit DeviceMemory(size_t bytes)
        : size(bytes), memory(static_cast<uint8_t *>(::operator new(bytes, kAlignment))) {
        std::fill(memory, memory + bytes, uint8_t{0xA5});
    }
    ~DeviceMemory() { ::operator delete(memory, kAlignment); }
    DeviceMemory(const DeviceMemory &) = delete;
    DeviceMemory &operator=(const DeviceMemory &) = delete;

    uint8_t *data() const { return memory; }
    size_t bytes() const { return size; }

private:
    static constexpr std::align_val_t kAlignment{256};
    size_t size;
    uint8_t *memory;
};

struct MultiplyOptions {
    bool exact = true;
    uint32_t batch = 1;
    Dtype x_dtype = Dtype::kF32, y_dtype = Dtype::kF32;
    size_t x_gap = 0, y_gap = 0;  // strides beyond cols and rows
    emulator::Options emulator = {};
};

inline size_t bytes_of(Dtype dtype) { return dtype == Dtype::kF32 ? 4 : 2; }

inline void put(uint8_t *at, Dtype dtype, float value) {
    const uint16_t half = dtype == Dtype::kF16 ? densq_f32_to_f16(value) : densq_f32_to_bf16(value);
    if (dtype == Dtype::kF32)
        std::memcpy(at, &value, 4);
    else
        std::memcpy(at, &half, 2);
}

inline float get(const uint8_t *at, Dtype dtype) {
    float value;
    uint16_t half;
    std::memcpy(&value, at, dtype == Dtype::kF32 ? 4 : 2);
    std::memcpy(&half, at, 2);
    if (dtype == Dtype::kF32) return value;
    return dtype == Dtype::kF16 ? densq_f16_to_f32(half) : densq_bf16_to_f32(half);
}

// What x becomes as that type.
inline float rounded(float value, Dtype dtype) {
    uint8_t bytes[4];
    put(bytes, dtype, value);
    return get(bytes, dtype);
}

// y [batch][rows] of x [batch][cols].
inline std::vector<float> multiply_emulated(const RandomMatrix &m, const std::vector<float> &x,
                                            const MultiplyOptions &options) {
    const Matrix matrix = m.view();
    const DeviceMemory packed(cuda::packed_bytes(matrix));
    cuda::pack(matrix, packed.data());
    cuda::MultiplyCall call = {};
    call.matrix = cuda::view_packed(matrix, packed.data());
    call.exact = options.exact;
    call.batch = options.batch;
    call.x_dtype = options.x_dtype;
    call.x_stride = m.cols + options.x_gap;
    call.y_dtype = options.y_dtype;
    call.y_stride = m.rows + options.y_gap;
    const DeviceMemory workspace(
        cuda::multiply_workspace_bytes(call.matrix, options.exact, options.batch));
    const DeviceMemory input(((options.batch - 1) * call.x_stride + m.cols) *
                             bytes_of(call.x_dtype));
    const DeviceMemory output(((options.batch - 1) * call.y_stride + m.rows) *
                              bytes_of(call.y_dtype));
    for (size_t b = 0; b < options.batch; ++b)
        for (size_t c = 0; c < m.cols; ++c)
            put(input.data() + (b * call.x_stride + c) * bytes_of(call.x_dtype), call.x_dtype,
                x[b * m.cols + c]);
    call.x = input.data();
    call.y = output.data();
    call.workspace = workspace.data();

    Emulator emulator(options.emulator);
    emulator.lend(packed.data(), packed.bytes(), Use::kInput);
    emulator.lend(input.data(), input.bytes(), Use::kInput);
    emulator.lend(output.data(), output.bytes(), Use::kOutput);
    emulator.lend(workspace.data(), workspace.bytes(), Use::kOutput);
    REQUIRE(cuda::multiply_on_stream(call) == 0);
    REQUIRE_MESSAGE(emulator.findings().empty(), emulator.text());

    std::vector<float> y;
    for (size_t b = 0; b < options.batch; ++b)
        for (size_t r = 0; r < m.rows; ++r)
            y.push_back(get(output.data() + (b * call.y_stride + r) * bytes_of(call.y_dtype),
                            call.y_dtype));
    return y;
}

}  // namespace densq::test
