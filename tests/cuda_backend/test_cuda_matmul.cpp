// SPDX-License-Identifier: MIT
// test_cuda_matmul.cpp - products on an emulated device against the rows that densq_read_rows
// gives.
#include <cmath>
#include <cstring>
#include <random>

#include "densq/half.h"
#include "cuda_options.hpp"

using namespace densq::test;

namespace {

constexpr densq_dtype kDtypes[] = {DENSQ_F32, DENSQ_F16, DENSQ_BF16};

size_t bytes_of(densq_dtype dtype) { return dtype == DENSQ_F32 ? 4 : 2; }

// Half a unit in the last place, relative.
double rounding_of(densq_dtype dtype) {
    return dtype == DENSQ_F32 ? 0x1p-24 : dtype == DENSQ_F16 ? 0x1p-11 : 0x1p-8;
}

void put(std::vector<uint8_t> &bytes, size_t index, densq_dtype dtype, float value) {
    if (dtype == DENSQ_F32) {
        std::memcpy(&bytes[4 * index], &value, 4);
        return;
    }
    const uint16_t half = dtype == DENSQ_F16 ? densq_f32_to_f16(value) : densq_f32_to_bf16(value);
    std::memcpy(&bytes[2 * index], &half, 2);
}

float get(const std::vector<uint8_t> &bytes, size_t index, densq_dtype dtype) {
    if (dtype == DENSQ_F32) {
        float value;
        std::memcpy(&value, &bytes[4 * index], 4);
        return value;
    }
    uint16_t half;
    std::memcpy(&half, &bytes[2 * index], 2);
    return dtype == DENSQ_F16 ? densq_f16_to_f32(half) : densq_bf16_to_f32(half);
}

// The arrays of one call on the host; elements between the vectors are NaN.
struct Vectors {
    uint32_t count, width;
    size_t stride;
    densq_dtype dtype;
    std::vector<uint8_t> bytes;

    Vectors(uint32_t vectors, uint32_t elements, size_t gap, densq_dtype type)
        : count(vectors), width(elements), stride(elements + gap), dtype(type),
          bytes(vectors * stride * bytes_of(type), 0xFF) {}

    void fill() {
        std::mt19937 random(width);
        std::normal_distribution<float> bell;
        for (uint32_t b = 0; b < count; ++b)
            for (uint32_t i = 0; i < width; ++i) put(bytes, b * stride + i, dtype, bell(random));
    }

    double at(uint32_t b, uint32_t i) const {
        return static_cast<double>(get(bytes, b * stride + i, dtype));
    }
};

struct Product {
    densq_dtype x_dtype = DENSQ_F32, y_dtype = DENSQ_F32;
    size_t x_gap = 0, y_gap = 0;
    uint32_t batch = 1;
    void *stream = nullptr;
};

void compare(const Vectors &x, const Vectors &y, uint32_t index) {
    const std::vector<float> rows = read_matrix(golden().file.get(), index);
    for (uint32_t b = 0; b < x.count; ++b)
        for (uint32_t r = 0; r < y.width; ++r) {
            double expected = 0, magnitude = 0;
            for (uint32_t c = 0; c < x.width; ++c) {
                const double product =
                    static_cast<double>(rows[size_t{r} * x.width + c]) * x.at(b, c);
                expected += product;
                magnitude += std::abs(product);
            }
            // Far above the precisions' errors here, far below any wrong term.
            const double allowed =
                0x1p-8 * magnitude + 1e-6 + rounding_of(y.dtype) * std::abs(expected);
            if (!(std::abs(y.at(b, r) - expected) <= allowed)) FAIL(y.at(b, r), expected);
        }
}

void check_gaps(const Vectors &y) {
    const size_t element = bytes_of(y.dtype);
    for (uint32_t b = 0; b < y.count; ++b)
        for (size_t i = (b * y.stride + y.width) * element; i < (b + 1) * y.stride * element; ++i)
            if (y.bytes[i] != 0xFF) FAIL("written between the vectors of y");
}

void check_product(const Backend &backend, uint32_t index, const Product &product) {
    const densq_matrix matrix = get_matrix(golden().file.get(), index);
    const Weights weights = make_weights(backend, golden().file.get(), index);
    Vectors x(product.batch, matrix.cols, product.x_gap, product.x_dtype);
    Vectors y(product.batch, matrix.rows, product.y_gap, product.y_dtype);
    x.fill();
    const size_t space = densq_workspace_size(weights.get(), product.batch);
    REQUIRE(space > 0);
    const DeviceArray<uint8_t> device_x(backend, x.bytes), device_y(backend, y.bytes);
    const DeviceArray<uint8_t> workspace(backend, std::vector<uint8_t>(space + 1, 0x5C));
    densq_fault fault = {};
    REQUIRE_MESSAGE(
        densq_cuda_matmul(weights.get(), product.batch, device_x.data(), product.x_dtype, x.stride,
                          device_y.data(), product.y_dtype, y.stride, workspace.data() + 1, space,
                          product.stream, &fault) == DENSQ_OK,
        fault.text);
    y.bytes = device_y.download();
    compare(x, y, index);
    check_gaps(y);
    CHECK(workspace.download()[0] == 0x5C);
}

}  // namespace

TEST_CASE("products of every matrix, batch and precision") {
    const EmulatedMachine machine;
    for (const densq_precision precision : {DENSQ_FAST, DENSQ_EXACT}) {
        const Backend backend = make_backend(cuda_options("cuda", precision));
        for (uint32_t i = 0; i < densq_count(golden().file.get(), DENSQ_MATRIX); ++i)
            for (const uint32_t batch : {1u, 2u, 3u, 8u, 9u, 17u, 33u}) {
                CAPTURE(precision);
                CAPTURE(i);
                CAPTURE(batch);
                Product product;
                product.batch = batch;
                check_product(backend, i, product);
            }
    }
    check_clean(machine);
}

TEST_CASE("types, strides and streams") {
    EmulatedMachine machine;
    int stream = 0;
    const Backend backend = make_backend(cuda_options());
    for (uint32_t i = 0; i < densq_count(golden().file.get(), DENSQ_MATRIX); ++i)
        for (const densq_dtype x_dtype : kDtypes)
            for (const densq_dtype y_dtype : kDtypes) {
                CAPTURE(i);
                CAPTURE(x_dtype);
                CAPTURE(y_dtype);
                check_product(backend, i, {x_dtype, y_dtype, 3, 5, 4, &stream});
                CHECK(machine.streams.back() == &stream);
            }
    check_clean(machine);
}

TEST_CASE("densq_matmul: F32 on the default stream; strides do not count at one vector") {
    EmulatedMachine machine(2);
    const Backend backend = make_backend(cuda_options("cuda:1", DENSQ_EXACT));
    const densq_matrix matrix = get_matrix(golden().file.get(), 0);
    {
        const Weights weights = make_weights(backend, golden().file.get(), 0);
        Vectors x(1, matrix.cols, 0, DENSQ_F32), y(1, matrix.rows, 0, DENSQ_F32);
        x.fill();
        const DeviceArray<uint8_t> device_x(backend, x.bytes), device_y(backend, y.bytes);
        const DeviceArray<uint8_t> workspace(
            backend, std::vector<uint8_t>(densq_workspace_size(weights.get(), 1)));
        const auto *in = reinterpret_cast<const float *>(device_x.data());
        auto *out = reinterpret_cast<float *>(device_y.data());
        REQUIRE(densq_matmul(weights.get(), 1, in, 0, out, 0, workspace.data(),
                             workspace.size_bytes()) == DENSQ_OK);
        y.bytes = device_y.download();
        compare(x, y, 0);
        CHECK(machine.streams == std::vector<void *>{nullptr});

        machine.failing_call = machine.calls + 2;  // past the current device, and choosing another
        CHECK(densq_matmul(weights.get(), 1, in, 0, out, 0, workspace.data(),
                           workspace.size_bytes()) == DENSQ_ERR_DEVICE);
        CHECK(machine.current_device == 0);
    }
    check_clean(machine);
}

TEST_CASE("densq_matmul_shared: products of every type, side by side") {
    EmulatedMachine machine;
    const Backend backend = make_backend(cuda_options());
    const densq_matrix matrix = get_matrix(golden().file.get(), 0);
    for (const auto &[x_dtype, y_dtype] :
         {std::pair{DENSQ_F32, DENSQ_F32}, {DENSQ_F16, DENSQ_BF16}, {DENSQ_BF16, DENSQ_F32}}) {
        const Weights weights = make_weights(backend, golden().file.get(), 0);
        Vectors x(3, matrix.cols, 0, x_dtype), y(3, matrix.rows, 0, y_dtype);
        x.fill();
        const size_t row_bytes = matrix.rows * bytes_of(y_dtype);
        const DeviceArray<uint8_t> device_x(backend, x.bytes),
            device_y(backend, std::vector<uint8_t>(2 * y.bytes.size()));
        const std::vector<densq_product> products = {
            {weights.get(), device_y.data(), 2 * matrix.rows},
            {weights.get(), device_y.data() + row_bytes, 2 * matrix.rows}};
        const DeviceArray<uint8_t> workspace(
            backend, std::vector<uint8_t>(
                         densq_workspace_size_shared(products.data(), 2, 3, x_dtype, y_dtype)));
        densq_fault fault = {};
        REQUIRE_MESSAGE(densq_matmul_shared(products.data(), 2, 3, device_x.data(), x_dtype,
                                            matrix.cols, y_dtype, workspace.data(),
                                            workspace.size_bytes(), &fault) == DENSQ_OK,
                        fault.text);
        const std::vector<uint8_t> both = device_y.download();
        for (size_t second = 0; second < 2; ++second) {
            for (size_t b = 0; b < 3; ++b)
                std::memcpy(y.bytes.data() + b * row_bytes,
                            both.data() + (2 * b + second) * row_bytes, row_bytes);
            compare(x, y, 0);
        }
    }
    check_clean(machine);
}

TEST_CASE("arguments that are refused start nothing") {
    EmulatedMachine machine;
    const Backend backend = make_backend(cuda_options()), cpu = make_backend(backend_options());
    const densq_file *file = golden().file.get();
    const Weights weights = make_weights(backend, file, 0), on_cpu = make_weights(cpu, file, 0);
    const densq_matrix matrix = get_matrix(file, 0);
    const size_t space = densq_workspace_size(weights.get(), 2);
    alignas(4) static uint8_t address[1 << 20];
    REQUIRE(space < sizeof address / 2);
    uint8_t *x = address + sizeof address / 2, *y = x + sizeof address / 4;
    struct Call {
        const densq_weights *weights;
        const uint8_t *x;
        uint32_t x_dtype;
        size_t x_stride;
        uint8_t *y;
        uint32_t y_dtype;
        size_t y_stride;
        void *workspace;
        size_t workspace_size;
    };
    const Call good = {weights.get(), x,           DENSQ_F32, matrix.cols, y,
                       DENSQ_F32,     matrix.rows, address,   space};
    const auto refused = [&](auto change) {
        Call call = good;
        change(&call);
        densq_fault fault = {};
        const densq_status status = densq_cuda_matmul(
            call.weights, 2, call.x, call.x_dtype, call.x_stride, call.y, call.y_dtype,
            call.y_stride, call.workspace, call.workspace_size, nullptr, &fault);
        return status == DENSQ_ERR_ARGUMENT && fault.text[0] && machine.streams.empty();
    };
    CHECK(refused([](Call *call) { call->weights = nullptr; }));
    CHECK(refused([&](Call *call) { call->weights = on_cpu.get(); }));
    CHECK(refused([](Call *call) { call->x = nullptr; }));
    CHECK(refused([](Call *call) { call->y = nullptr; }));
    CHECK(refused([](Call *call) { call->workspace = nullptr; }));
    CHECK(refused([](Call *call) { call->x += 1; }));
    CHECK(refused([](Call *call) { call->x += 2; }));
    CHECK(refused([](Call *call) { call->y += 1, call->y_dtype = DENSQ_F16; }));
    CHECK(refused([](Call *call) { call->x_dtype = 0; }));
    CHECK(refused([](Call *call) { call->y_dtype = 4; }));
    CHECK(refused([](Call *call) { --call->x_stride; }));
    CHECK(refused([](Call *call) { --call->y_stride; }));
    CHECK(refused([](Call *call) { call->y_stride = SIZE_MAX / 2; }));
    CHECK(refused([](Call *call) { --call->workspace_size; }));
    CHECK(refused([&](Call *call) { call->x = y; }));
    CHECK(refused([&](Call *call) { call->workspace = x; }));
    CHECK(densq_cuda_matmul(weights.get(), 0, nullptr, 0, 0, nullptr, 0, 0, nullptr, 0, nullptr,
                            nullptr) == DENSQ_OK);
    CHECK(machine.streams.empty());
}
