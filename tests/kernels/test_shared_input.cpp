// SPDX-License-Identifier: MIT
// test_shared_input.cpp - several matrices by the same activations give the bits of one after the
// other, whatever their widths and sparse parts, the types of the arrays and the threads.
#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include "tests/support/float_arrays.hpp"

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

using BoundWeights = std::unique_ptr<CpuWeights, decltype(&unbind)>;

// Runs index after index, from the last on, on two threads.
void backwards(void *, uint32_t count, densq_task_fn task, void *arg) {
    std::thread other([=] {
        for (uint32_t i = count / 2; i-- > 0;) task(arg, i, i + 1);
    });
    for (uint32_t i = count; i-- > count / 2;) task(arg, i, i + 1);
    other.join();
}

struct Types {
    densq_dtype x, y;
};

// Matrices of every width, some with heavy rows, the first and the last without a sparse part; the
// outputs side by side in each row of one array, between guard pages.
void check_products(const KernelTable *table, densq_precision precision, const Types &types,
                    densq_parallel_fn parallel, uint32_t batch) {
    CAPTURE(table->name);
    CAPTURE(precision);
    CAPTURE(batch);
    Random random(batch);
    const uint32_t cols = 1024 + 77;
    const RandomMatrix matrices[] = {
        make_matrix(3, cols, 2, Sparsity::kNone, random),
        make_matrix(40, cols, 4, Sparsity::kSome, random),
        make_matrix(16, cols, 3, Sparsity::kOneRow, random),
        make_matrix(65, cols, 4, Sparsity::kOneRow, random),
        make_matrix(5, cols, 3, Sparsity::kNone, random),
    };
    const CpuBackend backend = make_backend(table, precision, parallel);
    const std::vector<uint8_t> x =
        as_dtype(make_activations(size_t{cols} * batch, random), types.x);
    const std::vector<float> floats = as_floats(x, types.x);
    const size_t y_stride = 3 + 40 + 16 + 65 + 5, y_bytes = bytes_of(types.y);
    Guarded<uint8_t> y(y_stride * batch * y_bytes, Side::kEnd);
    std::vector<BoundWeights> bound;
    std::vector<densq_product> products;
    size_t at = 0;
    for (const RandomMatrix &m : matrices) {
        bound.emplace_back(bind(&backend, m.view()), unbind);
        products.push_back({bound.back().get(), y.data() + at * y_bytes, y_stride});
        at += m.rows;
    }
    Operands operands = {products.data(), 5, batch, x.data(), types.x, cols, types.y, nullptr};
    Guarded<uint8_t> workspace(densq::workspace_size(operands), Side::kEnd);
    operands.workspace = workspace.data();
    densq::matmul(operands);

    at = 0;
    for (const RandomMatrix &m : matrices) {
        const std::vector<uint8_t> alone =
            as_dtype(bind_and_multiply(backend, m.view(), floats, batch), types.y);
        for (size_t b = 0; b < batch; ++b)
            if (std::memcmp(y.data() + (b * y_stride + at) * y_bytes,
                            alone.data() + b * m.rows * y_bytes, m.rows * y_bytes) != 0)
                FAIL("matrix of ", m.rows, " rows, vector ", b);
        at += m.rows;
    }
}

}  // namespace

TEST_CASE("matrices that share their input: the bits of one after the other") {
    for (const KernelTable *table : usable_tables())
        for (const densq_precision precision : kPrecisions)
            for (const uint32_t batch : {1u, 2u, 13u})
                for (const densq_parallel_fn parallel : {densq_parallel_fn{}, &backwards})
                    check_products(table, precision, {DENSQ_F32, DENSQ_F32}, parallel, batch);
}

TEST_CASE("matrices that share their input, more vectors than are multiplied at once") {
    for (const densq_dtype type : {DENSQ_F32, DENSQ_F16})
        check_products(usable_tables().front(), DENSQ_FAST, {type, type}, nullptr, 50);
}

TEST_CASE("matrices that share their input: types of activations and outputs") {
    for (const densq_precision precision : kPrecisions)
        for (const densq_dtype x : kDtypes)
            for (const densq_dtype y : kDtypes)
                for (const uint32_t batch : {1u, 11u})
                    check_products(usable_tables().front(), precision, {x, y}, &backwards, batch);
}
