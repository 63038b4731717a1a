// SPDX-License-Identifier: MIT
#include "blas.hpp"

#include <cblas.h>

#include <climits>

extern "C" {
// LAPACK, of which OpenBLAS has no header without LAPACKE.  The last arguments are the lengths of
// the strings.
void spotrf_(const char *uplo, const blasint *n, float *a, const blasint *lda, blasint *info,
             size_t);
void strtri_(const char *uplo, const char *diag, const blasint *n, float *a, const blasint *lda,
             blasint *info, size_t, size_t);
}

namespace densq::tool {
namespace {

// The setting is one of the process, and the factor comes before all products.
void use_own_thread() { openblas_set_num_threads(1); }

}  // namespace

void add_product(uint32_t m, uint32_t n, uint32_t k, float factor, ConstView a, ConstView b,
                 float *c, size_t c_stride) {
    if (!m || !n || !k) return;
    const auto order = [](ConstView view) { return view.transposed ? CblasTrans : CblasNoTrans; };
    cblas_sgemm(CblasColMajor, order(a), order(b), static_cast<blasint>(m), static_cast<blasint>(n),
                static_cast<blasint>(k), factor, a.data, static_cast<blasint>(a.stride), b.data,
                static_cast<blasint>(b.stride), 1, c, static_cast<blasint>(c_stride));
}

bool invert_cholesky_factor(uint32_t size, float *matrix) {
    use_own_thread();
    const auto n = static_cast<blasint>(size);
    blasint info = 0;
    spotrf_("L", &n, matrix, &n, &info, 1);
    if (info == 0) strtri_("L", "N", &n, matrix, &n, &info, 1, 1);
    return info == 0;
}

}  // namespace densq::tool
