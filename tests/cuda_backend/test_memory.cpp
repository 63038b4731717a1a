// SPDX-License-Identifier: MIT
// test_memory.cpp - device memory for programs without CUDA's runtime.
#include <numeric>

#include "cuda_options.hpp"

using namespace densq::test;

TEST_CASE("there and back, and from place to place") {
    EmulatedMachine machine(2);
    for (const char *name : {"cuda:0", "cuda:1"}) {
        const Backend backend = make_backend(cuda_options(name));
        std::vector<int> values(1000);
        std::iota(values.begin(), values.end(), 1);
        const DeviceArray<int> a(backend, values), b(backend, std::vector<int>(1000));
        CHECK(a.download() == values);
        CHECK(densq_cuda_copy(backend.get(), b.data(), a.data(), 500 * sizeof(int), nullptr) ==
              DENSQ_OK);
        CHECK(densq_cuda_synchronize(backend.get(), nullptr) == DENSQ_OK);
        std::fill(values.begin() + 500, values.end(), 0);
        CHECK(b.download() == values);
        CHECK(machine.current_device == 0);
    }
    check_clean(machine);
}

TEST_CASE("what is refused") {
    EmulatedMachine machine;
    const Backend backend = make_backend(cuda_options()), cpu = make_backend(backend_options());
    densq_fault fault = {};
    void *memory = &fault;
    for (const densq_backend *wrong : {static_cast<const densq_backend *>(nullptr),
                                       static_cast<const densq_backend *>(cpu.get())}) {
        memory = &fault;
        CHECK(densq_cuda_alloc(wrong, &memory, 1, &fault) == DENSQ_ERR_ARGUMENT);
        CHECK(memory == nullptr);
        CHECK(fault.text == std::string("the backend is NULL or not CUDA's"));
        CHECK(densq_cuda_upload(wrong, &fault, &fault, 1, nullptr) == DENSQ_ERR_ARGUMENT);
        CHECK(densq_cuda_download(wrong, &fault, &fault, 1, nullptr) == DENSQ_ERR_ARGUMENT);
        CHECK(densq_cuda_copy(wrong, &fault, &fault, 1, nullptr) == DENSQ_ERR_ARGUMENT);
        CHECK(densq_cuda_synchronize(wrong, nullptr) == DENSQ_ERR_ARGUMENT);
        densq_cuda_free(wrong, &fault);
    }
    CHECK(densq_cuda_alloc(backend.get(), nullptr, 1, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_cuda_alloc(backend.get(), &memory, 0, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_cuda_upload(backend.get(), nullptr, &fault, 1, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_cuda_download(backend.get(), nullptr, &fault, 1, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_cuda_upload(backend.get(), nullptr, nullptr, 0, &fault) == DENSQ_OK);
    densq_cuda_free(backend.get(), nullptr);
    machine.memory_left = 10;
    memory = &fault;
    CHECK(densq_cuda_alloc(backend.get(), &memory, 11, &fault) == DENSQ_ERR_MEMORY);
    CHECK(memory == nullptr);
    check_clean(machine);
}
