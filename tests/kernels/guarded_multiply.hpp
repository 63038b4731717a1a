// SPDX-License-Identifier: MIT
// guarded_multiply.hpp - binds and multiplies a RandomMatrix, all memory between guard pages.
#pragma once
#include <doctest/doctest.h>

#include <memory>

#include "lib/base/cpu_detection.hpp"
#include "lib/cpu/cpu_backend.hpp"
#include "lib/cpu/registry.hpp"
#include "tests/support/backends_run.hpp"
#include "tests/support/cpu_multiply.hpp"

#include "guarded.hpp"
#include "random_matrix.hpp"

namespace densq::test {

constexpr densq_precision kPrecisions[] = {DENSQ_FAST, DENSQ_EXACT, DENSQ_INT8};

// All tables that this CPU can run, also those that the registry does not choose because a better
// one has the same name.
inline std::vector<const KernelTable *> usable_tables() {
    std::vector<const KernelTable *> tables;
    for (uint32_t i = 0; const KernelTable *table = kernel_table(i); ++i)
        if ((table->cpu_features & cpu_features()) == table->cpu_features) tables.push_back(table);
    return tables;
}

inline CpuBackend make_backend(const KernelTable *table, densq_precision precision,
                               densq_parallel_fn parallel = nullptr, void *user = nullptr) {
    densq_backend_options options = {};
    options.precision = precision;
    options.parallel = parallel;
    options.parallel_user = user;
    CpuBackend backend;
    if (make_cpu_backend(&backend, table, options, default_allocator(), nullptr) != DENSQ_OK)
        FAIL("a precision that the CPU's backends lack");
    note_run(table);
    return backend;
}

// W x for `batch` vectors, one after the other.
inline std::vector<float> bind_and_multiply(const CpuBackend &backend, const Matrix &matrix,
                                            const std::vector<float> &x, uint32_t batch) {
    const std::unique_ptr<CpuWeights, decltype(&unbind)> weights(bind(&backend, matrix), unbind);
    std::vector<float> y(static_cast<size_t>(matrix.rows) * batch, -1e30f);
    std::vector<uint8_t> workspace(workspace_size(weights.get(), batch), 0xAA);
    matmul(weights.get(), {batch, x.data(), matrix.cols, y.data(), matrix.rows, workspace.data()});
    return y;
}

// The same with every array the kernels see at the edge of what may be touched.
class GuardedMultiply {
public:
    GuardedMultiply(const RandomMatrix &m, Side where)
        : codes(m.codes, where), lut(m.lut, where), row_ptr(m.row_ptr, where),
          col16(m.col16, where), col32(m.col32, where), val(m.val, where), side(where),
          matrix(m.view()) {
        matrix.codes = codes.data();
        matrix.lut = lut.data();
        if (!matrix.row_ptr) return;
        matrix.row_ptr = row_ptr.data();
        matrix.col =
            m.cols <= DENSQ_MAX_COLS_16 ? static_cast<const void *>(col16.data()) : col32.data();
        matrix.val = val.data();
    }

    std::vector<float> run(const CpuBackend &backend, const std::vector<float> &x, uint32_t batch) {
        const std::unique_ptr<CpuWeights, decltype(&unbind)> weights(bind(&backend, matrix),
                                                                     unbind);
        Guarded<float> in(x, side);
        Guarded<float> out(static_cast<size_t>(matrix.rows) * batch, side);
        Guarded<uint8_t> workspace(workspace_size(weights.get(), batch), side);
        matmul(weights.get(),
               {batch, in.data(), matrix.cols, out.data(), matrix.rows, workspace.data()});
        return {out.data(), out.data() + static_cast<size_t>(matrix.rows) * batch};
    }

private:
    Guarded<uint8_t> codes;
    Guarded<uint16_t> lut;
    Guarded<uint32_t> row_ptr;
    Guarded<uint16_t> col16;
    Guarded<uint32_t> col32;
    Guarded<uint16_t> val;
    Side side;
    Matrix matrix;
};

}  // namespace densq::test
