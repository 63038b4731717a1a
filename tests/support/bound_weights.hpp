// SPDX-License-Identifier: MIT
// bound_weights.hpp - backends and weights that release themselves, what backends refuse, and what
// to multiply.
#pragma once
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/opened_files.hpp"

namespace densq::test {

struct DestroyBackend {
    void operator()(densq_backend *backend) const { densq_backend_destroy(&backend); }
};
using Backend = std::unique_ptr<densq_backend, DestroyBackend>;

struct Unbind {
    void operator()(densq_weights *weights) const { densq_unbind(&weights); }
};
using Weights = std::unique_ptr<densq_weights, Unbind>;

inline densq_backend_options backend_options(const char *name = nullptr,
                                             densq_precision precision = DENSQ_FAST) {
    densq_backend_options options = {};
    options.struct_size = sizeof options;
    options.name = name;
    options.precision = precision;
    return options;
}

inline Backend make_backend(const densq_backend_options &options) {
    densq_backend *backend = nullptr;
    require_ok(densq_backend_create(&backend, &options, nullptr));
    return Backend(backend);
}

// Checks that no backend is made of the options; returns the fault's text.
inline std::string refuse(densq_status expected, const densq_backend_options &options) {
    auto *backend = reinterpret_cast<densq_backend *>(1);
    densq_fault fault = {};
    CHECK(densq_backend_create(&backend, &options, &fault) == expected);
    CHECK(backend == nullptr);
    CHECK(fault.offset == UINT64_MAX);
    CHECK(densq_backend_create(&backend, &options, nullptr) == expected);
    return fault.text;
}

inline Weights make_weights(const Backend &backend, const densq_file *file, uint32_t index) {
    densq_weights *weights = nullptr;
    require_ok(densq_bind(&weights, backend.get(), file, index, nullptr));
    return Weights(weights);
}

inline std::vector<std::string> backend_names() {
    std::vector<std::string> names;
    while (const char *name = densq_backend_at(static_cast<uint32_t>(names.size())))
        names.push_back(name);
    return names;
}

inline const Opened &golden() {
    static const Opened opened = open_file(kGolden + "small.densq");
    return opened;
}

inline std::vector<float> random_vector(size_t count) {
    std::mt19937 random(static_cast<unsigned>(count));
    std::normal_distribution<float> bell;
    std::vector<float> x(count);
    for (float &value : x) value = bell(random);
    return x;
}

}  // namespace densq::test
