/* SPDX-License-Identifier: MIT
 * openblas.h - backends that hand large batches to OpenBLAS (libdensq_openblas.a, -lopenblas).
 *
 *     densq_backend_options options = {.struct_size = sizeof options};
 *     options.provider = densq_openblas_provider();
 *     densq_backend_create(&backend, &options, &fault);
 *
 * Names:
 *
 *   "openblas" (or NULL)  small batches go to the fastest backend of densq_backend_at, in the
 *                         precision of the options, large ones to OpenBLAS: from the batch on where
 *                         that is faster, which depends on that backend and the precision
 *                         (docs/performance.md; never for some).
 *   "openblas-all"        every batch goes to OpenBLAS.
 *
 * A batch that goes to OpenBLAS is multiplied panel by panel: some rows are decoded to F32, dense
 * and sparse part, as densq_read_rows does, and multiplied by sgemm.  Both run on the threads of
 * densq_backend_options.parallel, at most 16 of them.  What is different then:
 *
 *  - Sums are those of sgemm in F32, in either precision.
 *  - The bits of y[b] also depend on the batch, the strides and OpenBLAS: its version, its kernels,
 *    its number of threads.  They do not depend on the number of threads in `parallel`.
 *  - The workspace holds up to 16 panels of at most 2 MiB or one row, a panel for each thread that
 *    takes part.
 *  - OpenBLAS has threads and memory of its own.  Several tasks call it at a time, so give it one
 *    thread (openblas_set_num_threads(1)) where `parallel` has more, and take a build of it that
 *    several threads may call (one with threads, or with USE_LOCKING).  It allocates buffers on
 *    first use; if the system gives it none, it may print and end the process. */
#ifndef DENSQ_OPENBLAS_H
#define DENSQ_OPENBLAS_H

#include "densq/densq.h"

DENSQ_BEGIN_DECLS

/* For densq_backend_options.provider; static, never NULL, for any number of threads at a time.
 * densq_backend_create then fails as without it: DENSQ_ERR_NOT_FOUND for other names than the
 * above, DENSQ_ERR_UNSUPPORTED where libdensq.a is of another version. */
DENSQ_API const densq_provider *densq_openblas_provider(void);

DENSQ_END_DECLS
#endif /* DENSQ_OPENBLAS_H */
