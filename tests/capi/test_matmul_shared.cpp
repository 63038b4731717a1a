// SPDX-License-Identifier: MIT
// test_matmul_shared.cpp - densq_matmul_shared through the public functions: what it refuses, and
// that it then writes nothing.
#include <cstring>
#include <limits>
#include <utility>

#include "densq/half.h"
#include "densq/threads.h"
#include "tests/support/float_arrays.hpp"

#include "tests/support/bound_weights.hpp"

using namespace densq::test;

namespace {

constexpr uint32_t kBatch = 3;

// The same matrix twice, outputs side by side.
struct Call {
    Call(const Weights &first, const Weights &second, const densq_matrix &shape,
         densq_dtype x_type = DENSQ_F32, densq_dtype y_type = DENSQ_F32)
        : cols(shape.cols), rows(shape.rows), floats(random_vector(size_t{kBatch} * shape.cols)),
          x(as_dtype(floats, x_type)), y(size_t{kBatch} * 2 * rows * bytes_of(y_type), 0xEE),
          x_dtype(x_type), y_dtype(y_type), x_at(x.data()), x_stride(cols) {
        products = {{first.get(), y.data(), 2 * rows},
                    {second.get(), y.data() + rows * bytes_of(y_type), 2 * rows}};
        count = 2;
        space.resize(densq_workspace_size_shared(products.data(), 2, kBatch, x_type, y_type));
        workspace = space.data();
        workspace_size = space.size();
    }

    densq_status run() {
        return densq_matmul_shared(products.empty() ? nullptr : products.data(), count, batch, x_at,
                                   x_dtype, x_stride, y_dtype, workspace, workspace_size, &fault);
    }

    size_t cols, rows;
    std::vector<float> floats;
    std::vector<uint8_t> x, y, space;
    std::vector<densq_product> products;
    uint32_t count, batch = kBatch, x_dtype, y_dtype;
    const void *x_at;
    size_t x_stride;
    void *workspace;
    size_t workspace_size;
    densq_fault fault = {};
};

struct Fixture {
    const densq_file *file = golden().file.get();
    densq_matrix matrix = get_matrix(file, 0);
    Backend backend = make_backend(backend_options());
    Weights weights = make_weights(backend, file, 0);

    // The text of the fault with which a changed call is refused; "" if it is not, or writes.
    template <typename Change>
    std::string refusal(Change change) {
        Call call(weights, weights, matrix);
        const std::vector<uint8_t> before = call.y;
        change(&call);
        const bool refused = call.run() == DENSQ_ERR_ARGUMENT && call.y == before;
        return refused ? call.fault.text : "";
    }
};

constexpr std::pair<densq_dtype, densq_dtype> kSomeTypes[] = {
    {DENSQ_F32, DENSQ_F32}, {DENSQ_F16, DENSQ_BF16}, {DENSQ_BF16, DENSQ_F16}};

void check_three(const Backend &serial, const Backend &parallel, uint32_t index, uint32_t batch,
                 densq_dtype x_type, densq_dtype y_type) {
    const densq_file *file = golden().file.get();
    const densq_matrix matrix = get_matrix(file, index);
    const Weights alone = make_weights(serial, file, index);
    const std::vector<uint8_t> x = as_dtype(random_vector(size_t{batch} * matrix.cols), x_type);
    std::vector<float> plain(size_t{batch} * matrix.rows);
    std::vector<uint8_t> workspace(densq_workspace_size(alone.get(), batch));
    REQUIRE(densq_matmul(alone.get(), batch, as_floats(x, x_type).data(), matrix.cols, plain.data(),
                         matrix.rows, workspace.data(), workspace.size()) == DENSQ_OK);
    const std::vector<uint8_t> expected = as_dtype(plain, y_type);

    const Weights weights = make_weights(parallel, file, index);
    std::vector<uint8_t> y[3];
    std::vector<densq_product> products;
    for (std::vector<uint8_t> &output : y) {
        output.assign(expected.size(), 0xEE);
        products.push_back({weights.get(), output.data(), matrix.rows});
    }
    workspace.assign(densq_workspace_size_shared(products.data(), 3, batch, x_type, y_type), 0xAA);
    REQUIRE(densq_matmul_shared(products.data(), 3, batch, x.data(), x_type, matrix.cols, y_type,
                                workspace.data(), workspace.size(), nullptr) == DENSQ_OK);
    for (const std::vector<uint8_t> &output : y)
        if (output != expected) FAIL("matrix ", index, ", batch ", batch);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "shared input: outputs side by side, every type") {
    std::vector<float> plain(size_t{kBatch} * matrix.rows);
    for (const densq_dtype x_type : kDtypes)
        for (const densq_dtype y_type : kDtypes) {
            Call call(weights, weights, matrix, x_type, y_type);
            REQUIRE(call.run() == DENSQ_OK);
            const std::vector<float> x = as_floats(call.x, x_type);
            std::vector<uint8_t> workspace(densq_workspace_size(weights.get(), kBatch));
            REQUIRE(densq_matmul(weights.get(), kBatch, x.data(), call.cols, plain.data(),
                                 call.rows, workspace.data(), workspace.size()) == DENSQ_OK);
            const std::vector<uint8_t> expected = as_dtype(plain, y_type);
            const size_t bytes = call.rows * bytes_of(y_type);
            for (size_t i = 0; i < 2 * kBatch; ++i)
                CHECK(std::memcmp(call.y.data() + i * bytes, expected.data() + i / 2 * bytes,
                                  bytes) == 0);
        }
}

// Three times the same matrix, on a pool, beside one product on the calling thread.
TEST_CASE("shared input: the bits of separate calls, by every backend and number of threads") {
    const densq_file *file = golden().file.get();
    for (const uint32_t threads : {1u, 3u}) {
        densq_threads *pool = nullptr;
        require_ok(densq_threads_create(&pool, threads));
        for (const std::string &name : backend_names())
            for (const densq_precision precision : {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8}) {
                CAPTURE(name);
                CAPTURE(precision);
                densq_backend_options options = backend_options(name.c_str(), precision);
                const Backend serial = make_backend(options);
                options.parallel = densq_threads_run;
                options.parallel_user = pool;
                const Backend parallel = make_backend(options);
                for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i)
                    for (const uint32_t batch : {1u, 9u})
                        for (const auto &[x_type, y_type] : kSomeTypes)
                            check_three(serial, parallel, i, batch, x_type, y_type);
            }
        densq_threads_destroy(&pool);
    }
}

TEST_CASE_FIXTURE(Fixture, "shared input: F16 outputs out of range become infinite") {
    Call call(weights, weights, matrix, DENSQ_BF16, DENSQ_F16);
    for (float &value : call.floats) value = 1e30f;
    call.x = as_dtype(call.floats, DENSQ_BF16);
    call.x_at = call.x.data();
    REQUIRE(call.run() == DENSQ_OK);
    int infinite = 0;
    for (const float value : as_floats(call.y, DENSQ_F16))
        infinite += value == std::numeric_limits<float>::infinity() ||
                    value == -std::numeric_limits<float>::infinity();
    CHECK(infinite > 0);
}

TEST_CASE_FIXTURE(Fixture, "shared input: what is refused is named, and nothing is written") {
    const Backend another = make_backend(backend_options());
    const Weights of_another = make_weights(another, file, 0);
    const Weights narrower = make_weights(backend, file, 1);
    CHECK(refusal([](Call *call) { call->products.clear(); }) == "products is NULL");
    CHECK(refusal([](Call *call) { call->count = 1025; }) == "count is more than 1024");
    CHECK(refusal([](Call *call) { call->products[1].weights = nullptr; }) ==
          "products[1].weights is NULL");
    CHECK(refusal([&](Call *call) { call->products[1].weights = of_another.get(); }) ==
          "products[1].weights has another backend than products[0]");
    CHECK(refusal([&](Call *call) { call->products[1].weights = narrower.get(); }) ==
          "products[1].weights has 1 columns, products[0] has 70");
    CHECK(refusal([](Call *call) { call->x_dtype = 0; }) ==
          "x_dtype or y_dtype is not one of densq_dtype");
    CHECK(refusal([](Call *call) { call->y_dtype = 4; }) ==
          "x_dtype or y_dtype is not one of densq_dtype");
    const std::string x_text = "x is NULL or not aligned, or x_stride is less than the columns";
    CHECK(refusal([](Call *call) { call->x_at = nullptr; }) == x_text);
    CHECK(refusal([](Call *call) { call->x_at = call->x.data() + 1; }) == x_text);
    CHECK(refusal([](Call *call) { --call->x_stride; }) == x_text);
    CHECK(refusal([](Call *call) { call->x_stride = SIZE_MAX; }) == x_text);
    const std::string y_text = ".y is NULL or not aligned, or y_stride is less than the rows";
    CHECK(refusal([](Call *call) { call->products[0].y = nullptr; }) == "products[0]" + y_text);
    CHECK(refusal([](Call *call) { call->products[1].y = call->y.data() + 2; }) ==
          "products[1]" + y_text);
    CHECK(refusal([](Call *call) { call->products[1].y_stride = call->rows - 1; }) ==
          "products[1]" + y_text);
    CHECK(refusal([](Call *call) { call->workspace = nullptr; }) == "workspace is NULL");
    CHECK(refusal([](Call *call) { --call->workspace_size; }).find("the workspace has ") == 0);
}

TEST_CASE_FIXTURE(Fixture, "shared input: arrays that overlap are refused") {
    const std::string both = "products[1].y overlaps products[0].y";
    const auto at = [&](Call *call, size_t element) { return call->y.data() + 4 * element; };
    CHECK(refusal([&](Call *call) { call->products[1].y = at(call, 0); }) == both);
    CHECK(refusal([&](Call *call) { call->products[1].y = at(call, call->rows - 1); }) == both);
    CHECK(refusal([&](Call *call) { call->products[1].y = at(call, call->rows + 1); }) == both);
    CHECK(refusal([&](Call *call) {
              --call->products[0].y_stride;
              --call->products[1].y_stride;
          }) == both);
    CHECK(refusal([&](Call *call) { --call->products[1].y_stride; }) == both);
    CHECK(refusal([&](Call *call) { call->products[0].y = const_cast<void *>(call->x_at); }) ==
          "products[0].y overlaps x");
    CHECK(refusal([&](Call *call) { call->products[1].y = call->workspace; }) ==
          "products[1].y overlaps the workspace");
    CHECK(refusal([&](Call *call) { call->x_at = call->workspace; }) == "x overlaps the workspace");
    // One row further up, in the same columns of the common array, with a vector less.
    Call call(weights, weights, matrix);
    call.batch = kBatch - 1;
    std::swap(call.products[0].y, call.products[1].y);
    CHECK(call.run() == DENSQ_OK);
    call.products[0].y = call.y.data() + 8 * call.rows;  // the second row
    call.products[1].y = call.y.data() + 4 * call.rows;
    CHECK(call.run() == DENSQ_OK);
    call.products[1].y = call.y.data();
    CHECK(call.run() == DENSQ_ERR_ARGUMENT);
}

TEST_CASE_FIXTURE(Fixture, "shared input: nothing to do") {
    CHECK(densq_matmul_shared(nullptr, 0, 1, nullptr, 0, 0, 0, nullptr, 0, nullptr) == DENSQ_OK);
    Call call(weights, weights, matrix);
    call.batch = 0;
    call.x_at = nullptr;
    CHECK(call.run() == DENSQ_OK);
    CHECK(densq_workspace_size_shared(nullptr, 0, 1, DENSQ_F32, DENSQ_F32) == 0);
    CHECK(densq_workspace_size_shared(nullptr, 1, 1, DENSQ_F32, DENSQ_F32) == 0);
    CHECK(densq_workspace_size_shared(call.products.data(), 2, 1, DENSQ_F32, 9) == 0);
    CHECK(densq_workspace_size_shared(call.products.data(), 2, 1, 0, DENSQ_F32) == 0);
    CHECK(densq_workspace_size_shared(call.products.data(), 1, 7, DENSQ_F32, DENSQ_F32) ==
          densq_workspace_size(weights.get(), 7));
}
