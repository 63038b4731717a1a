// SPDX-License-Identifier: MIT
// test_failures.cpp - every call of the host's allocator and of CUDA's runtime fails in its turn.
#include "cuda_options.hpp"
#include "tests/fault/allocator.hpp"

using namespace densq::test;

namespace {

struct Outcome {
    densq_status status;
    std::string text;
};

Outcome create_and_bind(const densq_backend_options &options) {
    densq_backend *backend = nullptr;
    densq_weights *weights = nullptr;
    densq_fault fault = {};
    densq_status status = densq_backend_create(&backend, &options, &fault);
    CHECK((backend == nullptr) == (status != DENSQ_OK));
    if (status == DENSQ_OK) {
        status = densq_bind(&weights, backend, golden().file.get(), 0, &fault);
        CHECK((weights == nullptr) == (status != DENSQ_OK));
    }
    densq_unbind(&weights);
    densq_backend_destroy(&backend);
    return {status, fault.text};
}

}  // namespace

TEST_CASE("the host's allocator fails: backend, weights, packed matrix") {
    const EmulatedMachine machine;
    constexpr unsigned kAllocations = 3;
    for (unsigned n = 0; n <= kAllocations; ++n) {
        Allocator allocator(n);
        densq_backend_options options = cuda_options();
        allocator.install(&options);
        const Outcome outcome = create_and_bind(options);
        CHECK(outcome.status == (n < kAllocations ? DENSQ_ERR_MEMORY : DENSQ_OK));
        CHECK(outcome.text.empty() == (n == kAllocations));
        CHECK(allocator.all_released());
        CHECK(allocator.errors == 0);
        check_clean(machine);
    }
}

TEST_CASE("a call of the runtime fails") {
    unsigned failures = 0;
    for (bool failed = true; failed;) {
        EmulatedMachine machine;
        machine.failing_call = failures;
        Allocator allocator;
        densq_backend_options options = cuda_options();
        allocator.install(&options);
        const Outcome outcome = create_and_bind(options);
        failed = machine.calls > machine.failing_call && outcome.status != DENSQ_OK;
        if (failed) {
            CHECK(outcome.status == DENSQ_ERR_DEVICE);
            CHECK(outcome.text.find(": an emulated error (cudaErrorEmulated)") !=
                  std::string::npos);
            ++failures;
        } else {
            CHECK(outcome.status == DENSQ_OK);
        }
        CHECK(allocator.all_released());
        CHECK(allocator.errors == 0);
        check_clean(machine);
    }
    CHECK(failures == 5);  // count, properties, current device, allocation, copy
}

TEST_CASE("the device has no memory left") {
    EmulatedMachine machine;
    machine.memory_left = 1;
    const Outcome outcome = create_and_bind(cuda_options());
    CHECK(outcome.status == DENSQ_ERR_MEMORY);
    CHECK(outcome.text ==
          "allocating device memory for the matrix: an emulated error (cudaErrorEmulated)");
    check_clean(machine);
}

TEST_CASE("statuses of CUDA's errors") {
    EmulatedMachine machine;
    const Backend backend = make_backend(cuda_options());
    const std::pair<int, densq_status> statuses[] = {
        {2, DENSQ_ERR_MEMORY},        {35, DENSQ_ERR_UNSUPPORTED}, {100, DENSQ_ERR_UNSUPPORTED},
        {209, DENSQ_ERR_UNSUPPORTED}, {1, DENSQ_ERR_DEVICE},       {719, DENSQ_ERR_DEVICE}};
    for (const auto &[error, status] : statuses) {
        machine.failing_call = machine.calls + 1;  // past the current device
        machine.failing_error = error;
        densq_fault fault = {};
        CHECK(densq_cuda_synchronize(backend.get(), &fault) == status);
        CHECK(fault.text ==
              std::string("waiting for the device: an emulated error (cudaErrorEmulated)"));
    }
    CHECK(densq_cuda_synchronize(backend.get(), nullptr) == DENSQ_OK);
}
