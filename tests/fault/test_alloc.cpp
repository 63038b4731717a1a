// SPDX-License-Identifier: MIT
// test_alloc.cpp - the caller's allocator: how often it is called, and what its failure does.
#include "allocator.hpp"
#include "tests/support/bound_weights.hpp"

using namespace densq::test;

namespace {

const std::string kSmall = kGolden + "small.densq";

template <typename Open>
void check_opening(uint32_t flags, unsigned expected_calls, Open open) {
    Allocator allocator;
    densq_open_options options = open_options(flags);
    allocator.install(&options);
    Opened opened = open(options);
    REQUIRE(opened.status == DENSQ_OK);
    CHECK(allocator.calls == expected_calls);
    use_everything(opened.file.get());
    CHECK(allocator.calls == expected_calls);
    opened.file.reset();
    CHECK(allocator.all_released());
    CHECK(allocator.errors == 0);

    for (unsigned n = 0; n < expected_calls; ++n) {
        Allocator failing(n);
        failing.install(&options);
        const Opened failed = open(options);
        CHECK(failed.status == DENSQ_ERR_MEMORY);
        CHECK(failed.fault.offset == UINT64_MAX);
        CHECK(failing.calls == n + 1);
        CHECK(failing.all_released());
        CHECK(failing.errors == 0);
    }
}

}  // namespace

TEST_CASE("opening a path: one allocation, with a copy two") {
    const auto open = [](const densq_open_options &options) { return open_file(kSmall, options); };
    check_opening(0, 1, open);
    check_opening(DENSQ_OPEN_COPY, 2, open);
}

TEST_CASE("opening memory: one allocation, with a copy two") {
    Guarded<uint8_t> bytes(read_file(kSmall), Side::kEnd);
    const size_t size = read_file(kSmall).size();
    const auto open = [&](const densq_open_options &options) {
        return open_bytes(bytes.data(), size, options);
    };
    check_opening(0, 1, open);
    check_opening(DENSQ_OPEN_COPY, 2, open);
}

TEST_CASE("a bad file leaves nothing allocated") {
    for (const char *name : {"magic", "header_crc", "matrix_offset_hole", "col_equal", "crc_t"}) {
        Allocator allocator;
        densq_open_options options = open_options(DENSQ_OPEN_COPY);
        allocator.install(&options);
        CHECK(open_file(kErrors + name + ".densq", options).status != DENSQ_OK);
        CHECK(allocator.calls == 1);
        CHECK(allocator.all_released());
    }
}

TEST_CASE("a backend: one allocation") {
    Allocator allocator;
    densq_backend_options options = backend_options();
    allocator.install(&options);
    densq_backend *backend = nullptr;
    REQUIRE(densq_backend_create(&backend, &options, nullptr) == DENSQ_OK);
    CHECK(allocator.calls == 1);
    densq_backend_destroy(&backend);
    CHECK(allocator.all_released());
    CHECK(allocator.errors == 0);

    Allocator failing(0);
    failing.install(&options);
    densq_fault fault = {};
    backend = reinterpret_cast<densq_backend *>(1);
    CHECK(densq_backend_create(&backend, &options, &fault) == DENSQ_ERR_MEMORY);
    CHECK(backend == nullptr);
    CHECK(fault.text[0] != '\0');
}

TEST_CASE("weights: one allocation; matmul: none") {
    const Opened opened = open_file(kSmall);
    for (uint32_t i = 0; i < densq_count(opened.file.get(), DENSQ_MATRIX); ++i)
        for (unsigned fail_at = 1; fail_at <= 2; ++fail_at) {
            Allocator allocator(fail_at);  // 0 is the backend, 1 the weights
            densq_backend_options options = backend_options();
            allocator.install(&options);
            densq_backend *made = nullptr;
            REQUIRE(densq_backend_create(&made, &options, nullptr) == DENSQ_OK);
            Backend backend(made);
            auto *weights = reinterpret_cast<densq_weights *>(1);
            densq_fault fault = {};
            const densq_status status =
                densq_bind(&weights, backend.get(), opened.file.get(), i, &fault);
            if (fail_at == 1) {
                CHECK(status == DENSQ_ERR_MEMORY);
                CHECK(weights == nullptr);
                CHECK(fault.text[0] != '\0');
            } else {
                REQUIRE(status == DENSQ_OK);
                const densq_matrix matrix = get_matrix(opened.file.get(), i);
                std::vector<float> x(matrix.cols, 1.0f), y(matrix.rows);
                std::vector<uint8_t> workspace(densq_workspace_size(weights, 1));
                CHECK(densq_matmul(weights, 1, x.data(), 0, y.data(), 0, workspace.data(),
                                   workspace.size()) == DENSQ_OK);
                std::vector<uint16_t> halves(matrix.cols), outputs(2 * size_t{matrix.rows});
                const densq_product products[] = {{weights, outputs.data(), 0},
                                                  {weights, outputs.data() + matrix.rows, 0}};
                workspace.resize(
                    densq_workspace_size_shared(products, 2, 1, DENSQ_F16, DENSQ_BF16));
                CHECK(densq_matmul_shared(products, 2, 1, halves.data(), DENSQ_F16, 0, DENSQ_BF16,
                                          workspace.data(), workspace.size(), nullptr) == DENSQ_OK);
                CHECK(allocator.calls == 2);
                densq_unbind(&weights);
            }
            backend.reset();
            CHECK(allocator.all_released());
            CHECK(allocator.errors == 0);
        }
}
