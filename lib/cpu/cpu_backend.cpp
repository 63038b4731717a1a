// SPDX-License-Identifier: MIT
#include "lib/cpu/cpu_backend.hpp"

#include <string.h>

#include "kernels/cpu_features.hpp"
#include "lib/base/cpu_detection.hpp"
#include "lib/base/fault.hpp"
#include "lib/base/name.hpp"
#include "lib/cpu/registry.hpp"

namespace densq {
namespace {

// Measured, see docs/performance.md, "Streams".
constexpr Reading kOneStream = {1, 8192}, kTwoStreams = {2, 4096};
static_assert(kTwoStreams.tiles <= kMostTiles);

densq_status choose_table(const char *name, const KernelTable **table, densq_fault *fault) {
    if (!name) {
        *table = usable_table(0);  // at least the scalar one is
        return DENSQ_OK;
    }
    bool known = false;
    *table = find_table(name, &known);
    if (*table) return DENSQ_OK;
    const Name shown = name_of(name);
    if (!known)
        return fail(fault, DENSQ_ERR_NOT_FOUND, kNoOffset, "this build has no backend ", shown);
    return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset, "this CPU cannot run the backend ", shown);
}

densq_status choose_kernels(CpuBackend *backend, uint32_t precision, densq_fault *fault) {
    switch (precision) {
    case DENSQ_PRECISION_DEFAULT:
    case DENSQ_FAST:
        backend->precision = DENSQ_FAST;
        backend->kernels = backend->table->fast;
        return DENSQ_OK;
    case DENSQ_EXACT:
        backend->precision = DENSQ_EXACT;
        backend->kernels = backend->table->exact;
        return DENSQ_OK;
    case DENSQ_INT8:
        backend->precision = DENSQ_INT8;
        backend->kernels = backend->table->int8;
        return DENSQ_OK;
    default:
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset,
                    "the CPU's backends do not have precision ", uint64_t{precision},
                    " of densq_precision");
    }
}

void destroy_backend(densq_backend *backend) {
    const Allocator allocator = backend->allocator;
    release(allocator, backend, sizeof(CpuBackend));
}

densq_status bind_matrix(densq_weights **out, const densq_backend *backend,
                         const MatrixInFile &matrix, densq_fault *fault) {
    *out = bind(static_cast<const CpuBackend *>(backend), matrix.view);
    if (!*out) return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory to bind the matrix");
    return DENSQ_OK;
}

void unbind_matrix(densq_weights *weights) { unbind(static_cast<CpuWeights *>(weights)); }

densq_status matmul_on_cpu(const Operands &operands, densq_fault *) {
    matmul(operands);
    return DENSQ_OK;
}

constexpr BackendOps kOps = {destroy_backend, bind_matrix, unbind_matrix, workspace_size,
                             matmul_on_cpu};

}  // namespace

densq_status make_cpu_backend(CpuBackend *out, const KernelTable *table,
                              const densq_backend_options &options, const Allocator &allocator,
                              densq_fault *fault) {
    *out = {};
    out->ops = &kOps;
    out->name = table->name;
    out->allocator = allocator;
    out->table = table;
    out->reading = cpu_features() & kCpuTwoStreams ? kTwoStreams : kOneStream;
    out->parallel = options.parallel;
    out->parallel_user = options.parallel_user;
    return choose_kernels(out, options.precision, fault);
}

densq_status create_cpu_backend(densq_backend **out, const densq_backend_options &options,
                                const Allocator &allocator, densq_fault *fault) {
    const KernelTable *table = nullptr;
    CpuBackend made;
    densq_status status = choose_table(options.name, &table, fault);
    if (!status) status = make_cpu_backend(&made, table, options, allocator, fault);
    if (status) return status;
    void *memory = allocate(allocator, sizeof(CpuBackend), alignof(CpuBackend));
    if (!memory) return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory for the backend");
    auto *backend = static_cast<CpuBackend *>(memory);
    *backend = made;
    *out = backend;
    return DENSQ_OK;
}

}  // namespace densq
