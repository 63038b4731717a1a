// SPDX-License-Identifier: MIT
#include "compute_device.hpp"

#include <algorithm>

#include "tools/densq/errors.hpp"

namespace densq::tool {

namespace {

bool is_cuda(const std::string &backend) {
    return backend == "cuda" || backend.compare(0, 5, "cuda:") == 0;
}

}  // namespace

std::shared_ptr<Device> open_device(const std::vector<std::string> &backends) {
    const bool gpu = std::any_of(backends.begin(), backends.end(), is_cuda);
    if (gpu && backends.size() > 1) throw UsageError("--backend: a GPU is measured by itself");
    return gpu ? open_cuda(backends[0]) : open_cpu();
}

std::vector<std::string> cpu_backends() {
    std::vector<std::string> names;
    for (uint32_t i = 0; const char *name = densq_backend_at(i); ++i) names.emplace_back(name);
    return names;
}

std::string backend_problem(const std::string &name) {
    if (is_cuda(name)) return {};
    std::string all;
    for (const std::string &usable : cpu_backends()) {
        if (name == usable) return {};
        all += usable + ", ";
    }
    return "'" + name + "' is none of " + all + "cuda:N";
}

Backend create_backend(const densq_provider *provider, const std::string &name,
                       densq_precision precision, densq_threads *pool) {
    densq_backend_options options{};
    options.struct_size = sizeof options;
    options.name = name.c_str();
    options.precision = precision;
    options.parallel = densq_threads_run;
    options.parallel_user = pool;
    options.provider = provider;
    densq_backend *created = nullptr;
    densq_fault fault{};
    require(densq_backend_create(&created, &options, &fault), fault);
    return Backend(created);
}

}  // namespace densq::tool
