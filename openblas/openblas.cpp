// SPDX-License-Identifier: MIT
// openblas.cpp - the backends of densq/openblas.h: a CPU backend of the library for small batches,
// and panels of decoded rows, which sgemm multiplies, for large ones.
//
// A task takes panel after panel until none is left, and has memory for one panel in the workspace.
// So a panel that was just decoded is still in the second-level cache when sgemm reads it, and the
// threads of the caller share the work evenly.  It was slower to let OpenBLAS's own threads
// multiply panels that the caller's threads decode: each pool then waits for the other twice a
// panel.
#include "densq/openblas.h"

#include <cblas.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/fault.hpp"
#include "lib/base/float_environment.hpp"
#include "lib/base/provider.hpp"

namespace densq {
namespace {

constexpr uint32_t kPanelRows = 128;
constexpr uint32_t kPanelBytes = 2u << 20;
constexpr uint32_t kMaxTasks = 16;
constexpr size_t kAlign = 64;

constexpr uint32_t kNever = UINT32_MAX;

// The smallest batches for which sgemm is faster than a CPU backend, measured
// (docs/performance.md).
struct Crossover {
    const char *backend;
    densq_precision precision;
    uint32_t batch;
};
constexpr Crossover kCrossovers[] = {
    {"avx512", DENSQ_EXACT, 256}, {"avx2", DENSQ_FAST, 128},  {"avx2", DENSQ_EXACT, 32},
    {"scalar", DENSQ_FAST, 2},    {"scalar", DENSQ_EXACT, 4}, {"scalar", DENSQ_INT8, 2},
};

uint32_t find_crossover(const char *backend, densq_precision precision) {
    for (const Crossover &crossover : kCrossovers)
        if (crossover.precision == precision && !strcmp(crossover.backend, backend))
            return crossover.batch;
    return kNever;
}

// The precision of small batches; large ones have that of sgemm.
densq_status choose_precision(densq_precision *out, uint32_t precision, densq_fault *fault) {
    switch (precision) {
    case DENSQ_PRECISION_DEFAULT:
    case DENSQ_FAST: *out = DENSQ_FAST; return DENSQ_OK;
    case DENSQ_EXACT: *out = DENSQ_EXACT; return DENSQ_OK;
    case DENSQ_INT8: *out = DENSQ_INT8; return DENSQ_OK;
    default:
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset,
                    "the backends of OpenBLAS do not have precision ", uint64_t{precision},
                    " of densq_precision");
    }
}

struct OpenblasBackend : densq_backend {
    densq_backend *cpu;  // for batches that are smaller than:
    uint32_t smallest_batch;
    densq_parallel_fn parallel;  // NULL: serial
    void *parallel_user;
};

struct OpenblasWeights : densq_weights {
    densq_weights *cpu;
    const densq_file *file;
    uint32_t index;
    uint32_t panel_rows, panels;
    size_t panel_bytes;  // with padding

    const OpenblasBackend &openblas() const {
        return *static_cast<const OpenblasBackend *>(backend);
    }
    uint32_t tasks() const { return panels < kMaxTasks ? panels : kMaxTasks; }
};

struct Call {
    const OpenblasWeights *weights;
    blasint batch;
    const float *x;
    blasint x_stride;
    float *y;
    blasint y_stride;
    uint8_t *panels;
    uint32_t next_panel;  // atomic
};

void multiply_panel(const Call &call, uint32_t panel, float *decoded) {
    const OpenblasWeights &weights = *call.weights;
    const uint32_t first = panel * weights.panel_rows, left = weights.rows - first;
    const uint32_t rows = left < weights.panel_rows ? left : weights.panel_rows;
    densq_read_rows(weights.file, weights.index, first, rows, decoded, weights.cols);
    const auto m = static_cast<blasint>(rows), k = static_cast<blasint>(weights.cols);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, call.batch, m, k, 1, call.x, call.x_stride,
                decoded, k, 0, call.y + first, call.y_stride);
}

void multiply_panels(void *arg, uint32_t begin, uint32_t end) {
    const FloatEnvironment environment;
    Call &call = *static_cast<Call *>(arg);
    for (uint32_t task = begin; task < end; ++task) {
        auto *decoded = reinterpret_cast<float *>(call.panels + task * call.weights->panel_bytes);
        uint32_t panel;
        while ((panel = __atomic_fetch_add(&call.next_panel, 1, __ATOMIC_RELAXED)) <
               call.weights->panels)
            multiply_panel(call, panel, decoded);
    }
}

// Whether a batch is large enough for sgemm, and not too large for its integers.
bool goes_to_openblas(const OpenblasWeights *weights, uint32_t batch) {
    return batch >= weights->openblas().smallest_batch && batch <= INT32_MAX;
}

bool strides_fit(size_t x_stride, size_t y_stride) {
    return x_stride <= INT32_MAX && y_stride <= INT32_MAX;
}

densq_status matmul_by_panels(const densq_weights *base, const Operands &to) {
    const auto *weights = static_cast<const OpenblasWeights *>(base);
    if (!goes_to_openblas(weights, to.batch) || !strides_fit(to.x_stride, to.y_stride))
        return densq_matmul(weights->cpu, to.batch, to.x, to.x_stride, to.y, to.y_stride,
                            to.workspace, densq_workspace_size(weights->cpu, to.batch));
    Call call = {weights,
                 static_cast<blasint>(to.batch),
                 to.x,
                 static_cast<blasint>(to.x_stride),
                 to.y,
                 static_cast<blasint>(to.y_stride),
                 align_up(to.workspace, kAlign),
                 0};
    const OpenblasBackend &backend = weights->openblas();
    if (backend.parallel && weights->tasks() > 1)
        backend.parallel(backend.parallel_user, weights->tasks(), multiply_panels, &call);
    else
        multiply_panels(&call, 0, 1);
    return DENSQ_OK;
}

size_t workspace_size(const densq_weights *base, uint32_t batch) {
    const auto *weights = static_cast<const OpenblasWeights *>(base);
    const size_t cpu_bytes = densq_workspace_size(weights->cpu, batch);
    if (cpu_bytes == 0 || !goes_to_openblas(weights, batch)) return cpu_bytes;
    const uint32_t tasks = weights->openblas().parallel ? weights->tasks() : 1;
    const uint64_t bytes = static_cast<uint64_t>(weights->panel_bytes) * tasks + kAlign - 1;
    if (bytes > SIZE_MAX) return 0;
    return bytes > cpu_bytes ? static_cast<size_t>(bytes) : cpu_bytes;
}

void unbind(densq_weights *base) {
    auto *weights = static_cast<OpenblasWeights *>(base);
    const Allocator allocator = weights->backend->allocator;
    densq_unbind(&weights->cpu);
    release(allocator, weights, sizeof *weights);
}

void cut_into_panels(OpenblasWeights *weights) {
    const size_t row_bytes = sizeof(float) * weights->cols;
    const size_t fitting = kPanelBytes / row_bytes;
    const uint32_t rows = fitting < kPanelRows ? static_cast<uint32_t>(fitting) : kPanelRows;
    weights->panel_rows = rows ? rows : 1;
    weights->panels = (weights->rows - 1) / weights->panel_rows + 1;
    weights->panel_bytes = (weights->panel_rows * row_bytes + kAlign - 1) / kAlign * kAlign;
}

densq_status bind(densq_weights **out, const densq_backend *base, const MatrixInFile &matrix,
                  densq_fault *fault) {
    const auto *backend = static_cast<const OpenblasBackend *>(base);
    densq_weights *cpu = nullptr;
    const densq_status status = densq_bind(&cpu, backend->cpu, matrix.file, matrix.index, fault);
    if (status) return status;
    void *memory = allocate(backend->allocator, sizeof(OpenblasWeights), alignof(OpenblasWeights));
    if (!memory) {
        densq_unbind(&cpu);
        return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory to bind the matrix");
    }
    auto *weights = static_cast<OpenblasWeights *>(memory);
    *weights = {{backend, cpu->rows, cpu->cols}, cpu, matrix.file, matrix.index, 0, 0, 0};
    cut_into_panels(weights);
    *out = weights;
    return DENSQ_OK;
}

void destroy(densq_backend *base) {
    auto *backend = static_cast<OpenblasBackend *>(base);
    const Allocator allocator = backend->allocator;
    densq_backend_destroy(&backend->cpu);
    release(allocator, backend, sizeof *backend);
}

constexpr BackendOps kOps = {destroy, bind, unbind, workspace_size, matmul_by_panels};

constexpr char kSwitching[] = "openblas", kAlways[] = "openblas-all";

densq_status create(densq_backend **out, const densq_backend_options &options,
                    const Allocator &allocator, densq_fault *fault) {
    const bool always = options.name && !strcmp(options.name, kAlways);
    if (options.name && !always && strcmp(options.name, kSwitching) != 0)
        return fail(fault, DENSQ_ERR_NOT_FOUND, kNoOffset, "options->provider has no backend ",
                    name_of(options.name), ", only openblas and openblas-all");
    densq_precision precision;
    densq_status status = choose_precision(&precision, options.precision, fault);
    if (status) return status;
    densq_backend_options cpu_options = options;
    cpu_options.name = nullptr;
    cpu_options.precision = precision;
    cpu_options.provider = nullptr;
    densq_backend *cpu = nullptr;
    status = densq_backend_create(&cpu, &cpu_options, fault);
    if (status) return status;
    void *memory = allocate(allocator, sizeof(OpenblasBackend), alignof(OpenblasBackend));
    if (!memory) {
        densq_backend_destroy(&cpu);
        return fail(fault, DENSQ_ERR_MEMORY, kNoOffset, "no memory for the backend");
    }
    auto *backend = static_cast<OpenblasBackend *>(memory);
    *backend = {{&kOps, always ? kAlways : kSwitching, allocator},
                cpu,
                always ? 1 : find_crossover(densq_backend_name(cpu), precision),
                options.parallel,
                options.parallel_user};
    *out = backend;
    return DENSQ_OK;
}

constexpr densq_provider kProvider = {kVersion, create};

}  // namespace
}  // namespace densq

const densq_provider *densq_openblas_provider(void) { return &densq::kProvider; }
