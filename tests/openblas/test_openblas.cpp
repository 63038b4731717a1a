// SPDX-License-Identifier: MIT
// test_openblas.cpp - the backends of densq/openblas.h: products on both sides of the crossover,
// threads, strides, what they refuse, and an allocator that fails.
#include <cblas.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "densq/openblas.h"
#include "densq/threads.h"
#include "lib/base/provider.hpp"
#include "tests/fault/allocator.hpp"
#include "tests/support/bound_weights.hpp"
#include "tests/support/float_arrays.hpp"
#include "tests/support/float_control.hpp"
#include "tools/densq/measure/matrix_image.hpp"

using namespace densq::test;

namespace {

constexpr const char *kNames[] = {"openblas", "openblas-all"};
constexpr densq_precision kPrecisions[] = {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8};

struct Pool {
    explicit Pool(uint32_t threads) { require_ok(densq_threads_create(&pool, threads)); }
    ~Pool() { densq_threads_destroy(&pool); }
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;

    densq_threads *pool = nullptr;
};

densq_backend_options openblas_options(const char *name, densq_precision precision = DENSQ_FAST,
                                       const Pool *pool = nullptr) {
    openblas_set_num_threads(1);
    densq_backend_options options = backend_options(name, precision);
    options.provider = densq_openblas_provider();
    if (pool) {
        options.parallel = densq_threads_run;
        options.parallel_user = pool->pool;
    }
    return options;
}

// Panels are 128 rows, or less where 2 MiB are less.
Opened open_random(uint32_t rows, uint32_t cols, uint32_t bits) {
    const auto image = densq::tool::make_matrix_image(rows, cols, bits, rows * cols / 20);
    return open_bytes(image.bytes.data(), image.bytes.size(),
                      DENSQ_OPEN_COPY | DENSQ_OPEN_SKIP_CHECKSUM);
}

// One call; y holds NaN before it, so that it shows what is added to or left out.
struct Call {
    Call(const Weights &bound, const densq_matrix &shape, uint32_t vectors, uint32_t gap = 0)
        : weights(bound.get()), batch(vectors), x_stride(shape.cols + gap),
          y_stride(shape.rows + 2 * gap), x(random_vector(vectors * x_stride)),
          y(vectors * y_stride, std::numeric_limits<float>::quiet_NaN()),
          workspace(densq_workspace_size(weights, vectors), Side::kEnd),
          workspace_size(densq_workspace_size(weights, vectors)) {}

    densq_status run() {
        return densq_matmul(weights, batch, x.data(), x_stride, y.data(), y_stride,
                            workspace.data(), workspace_size);
    }

    const densq_weights *weights;
    uint32_t batch;
    size_t x_stride, y_stride;
    std::vector<float> x, y;
    Guarded<uint8_t> workspace;
    size_t workspace_size;
};

// Products against the sums of densq_read_rows's weights in double; between them y is untouched.
void check_products(const densq_backend_options &options, const densq_file *file, uint32_t index,
                    uint32_t batch, uint32_t gap) {
    const densq_matrix matrix = get_matrix(file, index);
    const std::vector<float> rows = read_matrix(file, index);
    const Backend backend = make_backend(options);
    const Weights weights = make_weights(backend, file, index);
    Call call(weights, matrix, batch, gap);
    REQUIRE(call.run() == DENSQ_OK);
    const bool all = std::string(densq_backend_name(backend.get())) == "openblas-all";
    const double tolerance = all || options.precision == DENSQ_EXACT
                                 ? (matrix.cols / 8.0 + 32) * 0x1p-24
                             : options.precision == DENSQ_INT8 ? 0x1p-6
                                                               : 0x1p-8;
    for (uint32_t b = 0; b < batch; ++b)
        for (size_t r = 0; r < call.y_stride; ++r) {
            const auto got = static_cast<double>(call.y[b * call.y_stride + r]);
            if (r >= matrix.rows) {
                if (!std::isnan(got)) FAIL(got, r);
                continue;
            }
            double expected = 0, magnitude = 0;
            for (size_t c = 0; c < matrix.cols; ++c) {
                const double product = static_cast<double>(rows[r * matrix.cols + c]) *
                                       static_cast<double>(call.x[b * call.x_stride + c]);
                expected += product;
                magnitude += std::abs(product);
            }
            if (!(std::abs(got - expected) <= tolerance * magnitude + 1e-6)) FAIL(got, expected);
        }
}

void check_all_products(const densq_file *file) {
    const Pool pool(3);
    for (const char *name : kNames)
        for (const densq_precision precision : kPrecisions)
            for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i)
                for (const uint32_t batch : {1u, 3u, 31u, 32u, 256u}) {
                    CAPTURE(name);
                    CAPTURE(precision);
                    CAPTURE(i);
                    CAPTURE(batch);
                    check_products(openblas_options(name, precision), file, i, batch, 0);
                    check_products(openblas_options(name, precision, &pool), file, i, batch, 5);
                }
}

}  // namespace

TEST_CASE("products of the golden matrices") {
    for (const char *name : {"small.densq", "tall.densq"})
        check_all_products(open_file(kGolden + name).file.get());
}

TEST_CASE("products of matrices of many panels") {
    for (const uint32_t bits : {2u, 3u, 4u})
        check_all_products(open_random(387, 513 + bits, bits).file.get());
}

TEST_CASE("a row that is larger than a panel") {
    const Opened opened = open_random(3, 600001, 3);
    check_products(openblas_options("openblas-all", DENSQ_EXACT), opened.file.get(), 0, 2, 0);
}

TEST_CASE("the name of a backend; without one the first") {
    for (const char *name : kNames)
        CHECK(densq_backend_name(make_backend(openblas_options(name)).get()) == std::string(name));
    CHECK(densq_backend_name(make_backend(openblas_options(nullptr)).get()) ==
          std::string("openblas"));
}

TEST_CASE("options that are refused") {
    CHECK(refuse(DENSQ_ERR_NOT_FOUND, openblas_options("avx2")) ==
          "options->provider has no backend 'avx2', only openblas and openblas-all");
    densq_backend_options options = openblas_options(nullptr);
    options.precision = 4;
    CHECK(refuse(DENSQ_ERR_ARGUMENT, options) ==
          "options->precision is not one of densq_precision");
    densq_backend *backend = nullptr;
    densq_fault fault = {};
    CHECK(options.provider->create(&backend, options, {}, &fault) == DENSQ_ERR_UNSUPPORTED);
    CHECK(std::string(fault.text) ==
          "the backends of OpenBLAS do not have precision 4 of densq_precision");
}

TEST_CASE("the same bits in any floating-point environment") {
    const Opened opened = open_random(300, 700, 3);
    const densq_matrix matrix = get_matrix(opened.file.get(), 0);
    for (const char *name : kNames) {
        const Backend backend = make_backend(openblas_options(name));
        const Weights weights = make_weights(backend, opened.file.get(), 0);
        Call expected(weights, matrix, 200);
        REQUIRE(expected.run() == DENSQ_OK);
        for (const Environment &environment : kEnvironments) {
            CAPTURE(std::string(environment.name));
            Call call(weights, matrix, 200);
            CHECK(keeps(environment.control, [&] { call.run(); }));
            CHECK(call.y == expected.y);
        }
    }
}

TEST_CASE("one vector by any strides") {
    const Opened opened = open_random(20, 40, 4);
    const densq_matrix matrix = get_matrix(opened.file.get(), 0);
    for (const char *name : kNames) {
        const Backend backend = make_backend(openblas_options(name));
        const Weights weights = make_weights(backend, opened.file.get(), 0);
        Call plain(weights, matrix, 1), strideless(weights, matrix, 1);
        strideless.x_stride = 0;
        strideless.y_stride = SIZE_MAX;
        REQUIRE(plain.run() == DENSQ_OK);
        REQUIRE(strideless.run() == DENSQ_OK);
        CHECK(plain.y == strideless.y);
    }
}

TEST_CASE("strides and batches beyond OpenBLAS's integers stay with the CPU backend") {
    const Opened opened = open_random(20, 40, 4);
    const densq_matrix matrix = get_matrix(opened.file.get(), 0);
    const Backend all = make_backend(openblas_options("openblas-all", DENSQ_EXACT));
    const Backend cpu = make_backend(backend_options(nullptr, DENSQ_EXACT));
    const Weights weights = make_weights(all, opened.file.get(), 0);
    const Weights cpu_weights = make_weights(cpu, opened.file.get(), 0);
    CHECK(densq_workspace_size(weights.get(), UINT32_MAX) ==
          densq_workspace_size(cpu_weights.get(), UINT32_MAX));
    Call expected(cpu_weights, matrix, 2), call(weights, matrix, 2);
    REQUIRE(expected.run() == DENSQ_OK);
    const size_t stride = size_t{INT32_MAX} + 1, bytes = (stride + matrix.rows) * sizeof(float);
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto *y = static_cast<float *>(memory);
    REQUIRE(densq_matmul(weights.get(), 2, call.x.data(), call.x_stride, y, stride,
                         call.workspace.data(), call.workspace_size) == DENSQ_OK);
    CHECK(std::equal(y, y + matrix.rows, expected.y.data()));
    CHECK(std::equal(y + stride, y + stride + matrix.rows, expected.y.data() + matrix.rows));
    munmap(memory, bytes);
}

TEST_CASE("the same bits on any number of threads") {
    const Opened opened = open_random(650, 300, 3);
    const densq_matrix matrix = get_matrix(opened.file.get(), 0);
    for (const char *name : kNames) {
        const Backend serial = make_backend(openblas_options(name, DENSQ_EXACT));
        const Weights one = make_weights(serial, opened.file.get(), 0);
        Call expected(one, matrix, 256);
        REQUIRE(expected.run() == DENSQ_OK);
        for (const uint32_t threads : {1u, 2u, 5u}) {
            const Pool pool(threads);
            const Backend parallel = make_backend(openblas_options(name, DENSQ_EXACT, &pool));
            const Weights many = make_weights(parallel, opened.file.get(), 0);
            Call call(many, matrix, 256);
            REQUIRE(call.run() == DENSQ_OK);
            CHECK(call.y == expected.y);
        }
    }
}

TEST_CASE("an infinite or NaN activation makes its own outputs, and no others, not finite") {
    const Opened opened = open_random(20, 70, 4);
    const densq_matrix matrix = get_matrix(opened.file.get(), 0);
    const Backend backend = make_backend(openblas_options("openblas-all"));
    const Weights weights = make_weights(backend, opened.file.get(), 0);
    for (const float odd :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        Call call(weights, matrix, 9);
        call.x[4 * call.x_stride + 33] = odd;
        REQUIRE(call.run() == DENSQ_OK);
        for (uint32_t b = 0; b < 9; ++b)
            for (uint32_t r = 0; r < matrix.rows; ++r)
                if (std::isfinite(call.y[b * call.y_stride + r]) == (b == 4)) FAIL(b, r);
    }
}

TEST_CASE("matrices that share their input: the products of one after the other") {
    const Opened tall = open_random(150, 40, 3), wide = open_random(30, 40, 4);
    const Pool pool(3);
    for (const char *name : kNames)
        for (const uint32_t batch : {1u, 3u, 129u})
            for (const densq_dtype x_type : kDtypes)
                for (const densq_dtype y_type : kDtypes) {
                    CAPTURE(name);
                    CAPTURE(batch);
                    const Backend backend =
                        make_backend(openblas_options(name, DENSQ_EXACT, &pool));
                    const Weights first = make_weights(backend, tall.file.get(), 0);
                    const Weights second = make_weights(backend, wide.file.get(), 0);
                    const std::vector<uint8_t> x = as_dtype(random_vector(40 * batch), x_type);
                    std::vector<uint8_t> y(180 * batch * bytes_of(y_type));
                    const std::vector<densq_product> products = {
                        {first.get(), y.data(), 180},
                        {second.get(), y.data() + 150 * bytes_of(y_type), 180}};
                    const size_t size =
                        densq_workspace_size_shared(products.data(), 2, batch, x_type, y_type);
                    Guarded<uint8_t> workspace(size, Side::kEnd);
                    REQUIRE(densq_matmul_shared(products.data(), 2, batch, x.data(), x_type, 40,
                                                y_type, workspace.data(), size,
                                                nullptr) == DENSQ_OK);
                    std::vector<float> plain(180 * batch);
                    const std::vector<float> floats = as_floats(x, x_type);
                    std::vector<uint8_t> space(densq_workspace_size(first.get(), batch));
                    REQUIRE(densq_matmul(first.get(), batch, floats.data(), 40, plain.data(), 180,
                                         space.data(), space.size()) == DENSQ_OK);
                    space.resize(densq_workspace_size(second.get(), batch));
                    REQUIRE(densq_matmul(second.get(), batch, floats.data(), 40, plain.data() + 150,
                                         180, space.data(), space.size()) == DENSQ_OK);
                    CHECK(y == as_dtype(plain, y_type));
                }
}

TEST_CASE("matrices that share their input: the workspace is of a size whatever the strides") {
    const Opened opened = open_random(150, 40, 3);
    for (const char *name : kNames) {
        const Backend backend = make_backend(openblas_options(name, DENSQ_EXACT));
        const Weights weights = make_weights(backend, opened.file.get(), 0);
        const auto size = [&](size_t y_stride) {
            const densq_product products[] = {{weights.get(), nullptr, y_stride},
                                              {weights.get(), nullptr, y_stride}};
            return densq_workspace_size_shared(products, 2, 3000, DENSQ_F16, DENSQ_F16);
        };
        CHECK(size(SIZE_MAX) == size(0));
    }
}

TEST_CASE("a backend and weights: two allocations each; matmul: none") {
    const Opened opened = open_random(150, 40, 3);
    const densq_matrix matrix = get_matrix(opened.file.get(), 0);
    for (unsigned fail_at = 0; fail_at <= 4; ++fail_at) {
        Allocator allocator(fail_at);
        densq_backend_options options = openblas_options("openblas-all");
        allocator.install(&options);
        auto *made = reinterpret_cast<densq_backend *>(1);
        auto *bound = reinterpret_cast<densq_weights *>(1);
        densq_fault fault = {};
        densq_status status = densq_backend_create(&made, &options, &fault);
        CHECK(status == (fail_at < 2 ? DENSQ_ERR_MEMORY : DENSQ_OK));
        CHECK((made == nullptr) == (fail_at < 2));
        Backend backend(made);
        if (made) {
            status = densq_bind(&bound, made, opened.file.get(), 0, &fault);
            CHECK(status == (fail_at < 4 ? DENSQ_ERR_MEMORY : DENSQ_OK));
            CHECK((bound == nullptr) == (fail_at < 4));
        }
        CHECK((fault.text[0] != '\0') == (fail_at < 4));
        if (status == DENSQ_OK) {
            Weights weights(bound);
            CHECK(Call(weights, matrix, 3).run() == DENSQ_OK);
            CHECK(allocator.calls == 4);
        }
        backend.reset();
        CHECK(allocator.all_released());
        CHECK(allocator.errors == 0);
    }
}
