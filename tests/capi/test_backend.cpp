// SPDX-License-Identifier: MIT
// test_backend.cpp - densq_backend_*, densq_bind and what they refuse.
#include <algorithm>

#include "lib/base/provider.hpp"
#include "lib/cpu/cpu_backend.hpp"

#include "tests/support/bound_weights.hpp"

using namespace densq::test;

TEST_CASE("the list of backends") {
    const std::vector<std::string> names = backend_names();
    REQUIRE(!names.empty());
    CHECK(names.back() == "scalar");
    for (size_t i = 0; i < names.size(); ++i)
        CHECK(std::count(names.begin(), names.end(), names[i]) == 1);
    CHECK(densq_backend_at(static_cast<uint32_t>(names.size()) + 1) == nullptr);
    CHECK(densq_backend_at(UINT32_MAX) == nullptr);
}

TEST_CASE("a backend by name, and the fastest without one") {
    for (const std::string &name : backend_names()) {
        const Backend backend = make_backend(backend_options(name.c_str()));
        CHECK(densq_backend_name(backend.get()) == name);
    }
    CHECK(densq_backend_name(make_backend(backend_options()).get()) == backend_names()[0]);
    densq_backend *backend = nullptr;
    CHECK(densq_backend_create(&backend, nullptr, nullptr) == DENSQ_OK);
    CHECK(densq_backend_name(backend) == backend_names()[0]);
    densq_backend_destroy(&backend);
    CHECK(backend == nullptr);
    densq_backend_destroy(&backend);
    densq_backend_destroy(nullptr);
    CHECK(std::string(densq_backend_name(nullptr)).empty());
}

TEST_CASE("options that are refused") {
    CHECK(refuse(DENSQ_ERR_NOT_FOUND, backend_options("abacus")) ==
          "this build has no backend 'abacus'");
    CHECK(refuse(DENSQ_ERR_NOT_FOUND, backend_options("")) == "this build has no backend ''");
    densq_backend_options options = backend_options();
    options.precision = 4;
    CHECK(refuse(DENSQ_ERR_ARGUMENT, options) ==
          "options->precision is not one of densq_precision");
    options.precision = UINT32_MAX;
    refuse(DENSQ_ERR_ARGUMENT, options);
    options = backend_options();
    options.free = [](void *, void *, size_t) {};
    CHECK(refuse(DENSQ_ERR_ARGUMENT, options) ==
          "options has one of alloc and free without the other");
    options = backend_options();
    --options.struct_size;
    CHECK(refuse(DENSQ_ERR_ARGUMENT, options) ==
          "options->struct_size is smaller than densq_backend_options");
    options = backend_options();
    const densq_provider other_version = {densq_version() + 1, nullptr};
    options.provider = &other_version;
    CHECK(refuse(DENSQ_ERR_UNSUPPORTED, options) ==
          "options->provider is of another version of densq: link archives of one version");
    densq_fault fault = {};
    CHECK(densq_backend_create(nullptr, nullptr, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(std::string(fault.text) == "out is NULL");
}

TEST_CASE("the CPU's backends refuse a precision that a later densq.h has and they lack") {
    densq_backend_options options = backend_options();
    options.precision = 4;
    densq_backend *backend = nullptr;
    densq_fault fault = {};
    CHECK(densq::create_cpu_backend(&backend, options, densq::default_allocator(), &fault) ==
          DENSQ_ERR_UNSUPPORTED);
    CHECK(std::string(fault.text) ==
          "the CPU's backends do not have precision 4 of densq_precision");
    CHECK(backend == nullptr);
}

TEST_CASE("binding: arguments") {
    const Opened opened = open_file(kGolden + "small.densq");
    const densq_file *file = opened.file.get();
    const Backend backend = make_backend(backend_options());
    const uint32_t count = densq_count(file, DENSQ_MATRIX);
    auto *weights = reinterpret_cast<densq_weights *>(1);
    densq_fault fault = {};
    CHECK(densq_bind(nullptr, backend.get(), file, 0, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_bind(&weights, backend.get(), file, count, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(weights == nullptr);
    CHECK(std::string(fault.text) ==
          "matrix " + std::to_string(count) + " of a file with " + std::to_string(count));
    CHECK(densq_bind(&weights, nullptr, file, 0, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_bind(&weights, backend.get(), nullptr, 0, nullptr) == DENSQ_ERR_ARGUMENT);
    densq_unbind(&weights);
    densq_unbind(nullptr);
    CHECK(densq_workspace_size(nullptr, 1) == 0);
}
