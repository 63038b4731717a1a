// SPDX-License-Identifier: MIT
// backends.cpp - the functions of densq.h on backends, weights and matmul: they check arguments
// and call lib/.
#include "densq/densq.h"
#include "lib/base/caller_struct.hpp"
#include "lib/base/fault.hpp"
#include "lib/base/operands.hpp"
#include "lib/cpu/cpu_backend.hpp"
#include "lib/cpu/registry.hpp"
#include "lib/file/file.hpp"

using namespace densq;

namespace {

struct BackendOptions {
    densq_backend_options given;
    Allocator allocator;
};

densq_status read_options(BackendOptions *out, const densq_backend_options *theirs,
                          densq_fault *fault) {
    const densq_status status = read_struct(&out->given, theirs, "options", fault);
    if (status) return status;
    if (out->given.precision > DENSQ_INT8)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset,
                    "options->precision is not one of densq_precision");
    if (!read_allocator(&out->allocator, out->given))
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset,
                    "options has one of alloc and free without the other");
    return DENSQ_OK;
}

densq_status check_provider(const densq_provider *provider, densq_fault *fault) {
    if (!provider || provider->version == densq_version()) return DENSQ_OK;
    return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset,
                "options->provider is of another version of densq: link archives of one version");
}

}  // namespace

const char *densq_backend_at(uint32_t index) {
    const KernelTable *table = usable_table(index);
    return table ? table->name : nullptr;
}

densq_status densq_backend_create(densq_backend **out, const densq_backend_options *options,
                                  densq_fault *fault) {
    if (!out) return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "out is NULL");
    *out = nullptr;
    BackendOptions read;
    densq_status status = read_options(&read, options, fault);
    if (status) return status;
    const densq_provider *provider = read.given.provider;
    status = check_provider(provider, fault);
    if (status) return status;
    const auto create = provider ? provider->create : create_cpu_backend;
    return create(out, read.given, read.allocator, fault);
}

const char *densq_backend_name(const densq_backend *backend) {
    return backend ? backend->name : "";
}

void densq_backend_destroy(densq_backend **backend) {
    if (!backend || !*backend) return;
    (*backend)->ops->destroy(*backend);
    *backend = nullptr;
}

densq_status densq_bind(densq_weights **out, const densq_backend *backend, const densq_file *file,
                        uint32_t index, densq_fault *fault) {
    if (!out) return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "out is NULL");
    *out = nullptr;
    if (!backend || !file)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "backend or file is NULL");
    const uint32_t count = count_entries(file->directory, DENSQ_MATRIX);
    if (index >= count)
        return fail(fault, DENSQ_ERR_ARGUMENT, kNoOffset, "matrix ", static_cast<uint64_t>(index),
                    " of a file with ", static_cast<uint64_t>(count));
    return backend->ops->bind(out, backend, {file, index, view_matrix(file, index)}, fault);
}

void densq_unbind(densq_weights **weights) {
    if (!weights || !*weights) return;
    (*weights)->backend->ops->unbind(*weights);
    *weights = nullptr;
}
