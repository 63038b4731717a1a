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

#include "lib/base/dtype.hpp"
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

// A product by panels.
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

const OpenblasWeights *weights_of(const densq_product &product) {
    return static_cast<const OpenblasWeights *>(product.weights);
}

// Whether a batch is large enough for sgemm, and not too large for its integers.
bool fits_openblas(const Operands &operands) {
    return operands.batch >= weights_of(*operands.products)->openblas().smallest_batch &&
           operands.batch <= INT32_MAX;
}

bool goes_to_openblas(const Operands &operands) {
    const bool one_vector = operands.batch == 1;  // then strides do not count
    bool fits = fits_openblas(operands) && (one_vector || operands.x_stride <= INT32_MAX);
    for (uint32_t i = 0; i < operands.count; ++i)
        fits = fits && (one_vector || operands.products[i].y_stride <= INT32_MAX);
    return fits;
}

// How the workspace is divided for sgemm.
struct Workspace {
    uint64_t panels_at, x_at, y_at;  // [tasks], and [batch][cols] and [batch][rows] if not F32
    uint64_t bytes;
};

uint64_t aligned(uint64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

Workspace lay_out_workspace(const Operands &operands) {
    uint64_t panels = 0, rows = 0;
    for (uint32_t i = 0; i < operands.count; ++i) {
        const OpenblasWeights *weights = weights_of(operands.products[i]);
        const uint32_t tasks = weights->openblas().parallel ? weights->tasks() : 1;
        const uint64_t bytes = static_cast<uint64_t>(weights->panel_bytes) * tasks;
        if (bytes > panels) panels = bytes;
        if (weights->rows > rows) rows = weights->rows;
    }
    const uint64_t vector = sizeof(float) * uint64_t{operands.batch};
    const bool x_is_f32 = operands.x_dtype == DENSQ_F32, y_is_f32 = operands.y_dtype == DENSQ_F32;
    Workspace space;
    space.panels_at = 0;
    space.x_at = aligned(panels);
    space.y_at = space.x_at + (x_is_f32 ? 0 : aligned(vector * operands.products->weights->cols));
    space.bytes = space.y_at + (y_is_f32 ? 0 : aligned(vector * rows));
    return space;
}

void multiply_by_panels(Call *call) {
    const OpenblasBackend &backend = call->weights->openblas();
    if (backend.parallel && call->weights->tasks() > 1)
        backend.parallel(backend.parallel_user, call->weights->tasks(), multiply_panels, call);
    else
        multiply_panels(call, 0, 1);
}

densq_status matmul_by_openblas(const Operands &operands) {
    const FloatEnvironment environment;
    const Workspace space = lay_out_workspace(operands);
    uint8_t *base = align_up(operands.workspace, kAlign);
    const uint32_t batch = operands.batch, cols = operands.products->weights->cols;
    const bool x_is_f32 = operands.x_dtype == DENSQ_F32, y_is_f32 = operands.y_dtype == DENSQ_F32;
    Call call = {};
    call.batch = static_cast<blasint>(batch);
    call.panels = base + space.panels_at;
    call.x = static_cast<const float *>(operands.x);
    call.x_stride = static_cast<blasint>(x_is_f32 && batch > 1 ? operands.x_stride : cols);
    if (!x_is_f32) {
        auto *x = reinterpret_cast<float *>(base + space.x_at);
        for (size_t b = 0; b < batch; ++b)
            read_floats(x + b * cols,
                        element_at(operands.x, operands.x_dtype, b * operands.x_stride),
                        operands.x_dtype, cols);
        call.x = x;
    }
    for (uint32_t i = 0; i < operands.count; ++i) {
        const densq_product &product = operands.products[i];
        call.weights = weights_of(product);
        const uint32_t rows = call.weights->rows;
        call.next_panel = 0;
        call.y = y_is_f32 ? static_cast<float *>(product.y)
                          : reinterpret_cast<float *>(base + space.y_at);
        call.y_stride = static_cast<blasint>(y_is_f32 && batch > 1 ? product.y_stride : rows);
        multiply_by_panels(&call);
        for (size_t b = 0; !y_is_f32 && b < batch; ++b)
            write_floats(element_at(product.y, operands.y_dtype, b * product.y_stride),
                         operands.y_dtype, call.y + b * rows, rows);
    }
    return DENSQ_OK;
}

// The same products with the weights of the CPU backend; `made` has room for as many.
Operands on_cpu(const Operands &operands, densq_product *made) {
    Operands on_cpu = operands;
    for (uint32_t i = 0; i < operands.count; ++i) {
        made[i] = operands.products[i];
        made[i].weights = weights_of(operands.products[i])->cpu;
    }
    on_cpu.products = made;
    return on_cpu;
}

densq_status matmul_on_cpu(const Operands &operands, densq_fault *fault) {
    densq_product one = {};
    densq_product *made = &one;
    void *left = operands.workspace;
    if (operands.count > 1) {
        made = reinterpret_cast<densq_product *>(align_up(operands.workspace, kAlign));
        left = made + operands.count;
    }
    Operands to = on_cpu(operands, made);
    to.workspace = left;
    return made->weights->backend->ops->matmul(to, fault);
}

densq_status matmul(const Operands &operands, densq_fault *fault) {
    return goes_to_openblas(operands) ? matmul_by_openblas(operands)
                                      : matmul_on_cpu(operands, fault);
}

// For matmul_on_cpu; what several products need together is less than the sum.  0: too much.
uint64_t cpu_workspace_size(const Operands &operands) {
    uint64_t bytes = operands.count > 1 ? operands.count * sizeof(densq_product) + kAlign : 0;
    for (uint32_t i = 0; i < operands.count; ++i) {
        densq_product made = {};
        Operands one = operands;
        one.products = operands.products + i;
        one.count = 1;
        one = on_cpu(one, &made);
        const size_t needed = made.weights->backend->ops->workspace_size(one);
        if (needed == 0 || __builtin_add_overflow(bytes, uint64_t{needed}, &bytes)) return 0;
    }
    return bytes;
}

size_t workspace_size(const Operands &operands) {
    uint64_t bytes = cpu_workspace_size(operands);
    if (bytes == 0) return 0;
    if (fits_openblas(operands)) {  // the strides are not known yet
        const uint64_t needed = lay_out_workspace(operands).bytes + kAlign - 1;
        if (needed > bytes) bytes = needed;
    }
    return bytes <= SIZE_MAX ? static_cast<size_t>(bytes) : 0;
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

constexpr BackendOps kOps = {destroy, bind, unbind, workspace_size, matmul};

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
