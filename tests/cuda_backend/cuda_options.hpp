// SPDX-License-Identifier: MIT
// cuda_options.hpp - backends of an emulated machine, and memory of its devices.
#pragma once
#include "densq/cuda.h"
#include "emulated.hpp"
#include "tests/support/bound_weights.hpp"

namespace densq::test {

inline densq_backend_options cuda_options(const char *name = nullptr,
                                          densq_precision precision = DENSQ_FAST) {
    densq_backend_options options = backend_options(name, precision);
    options.provider = densq_cuda_provider();
    return options;
}

template <typename T>
class DeviceArray {
public:
    DeviceArray(const Backend &on, const std::vector<T> &values) : backend(on.get()) {
        bytes = values.size() * sizeof(T);
        require_ok(densq_cuda_alloc(backend, &memory, bytes, nullptr));
        require_ok(densq_cuda_upload(backend, memory, values.data(), bytes, nullptr));
    }
    ~DeviceArray() { densq_cuda_free(backend, memory); }
    DeviceArray(const DeviceArray &) = delete;
    DeviceArray &operator=(const DeviceArray &) = delete;

    T *data() const { return static_cast<T *>(memory); }
    size_t size_bytes() const { return bytes; }

    std::vector<T> download() const {
        std::vector<T> values(bytes / sizeof(T));
        require_ok(densq_cuda_download(backend, values.data(), memory, bytes, nullptr));
        return values;
    }

private:
    const densq_backend *backend;
    void *memory = nullptr;
    size_t bytes;
};

inline void check_clean(const EmulatedMachine &machine) {
    CHECK(machine.blocks.empty());
    for (const std::string &error : machine.errors) FAIL_CHECK(error);
}

}  // namespace densq::test
