/* SPDX-License-Identifier: MIT
 * openblas.h - backends that hand large batches to OpenBLAS (libdensq_openblas.a, -lopenblas).
 *
 *     densq_backend_options options = {.struct_size = sizeof options};
 *     options.provider = densq_openblas_provider();
 *     densq_backend_create(&backend, &options, &fault);
 *
 * Names:
 *
 *   "openblas" (or NULL)  OpenBLAS multiplies large batches.  The fastest backend of
 *                         densq_backend_at multiplies small ones, in the precision of the options.
 *                         Which batches are large depends on that backend and the precision
 *                         (docs/performance.md has the table); with some, no batch is.
 *   "openblas-all"        OpenBLAS multiplies all batches.
 *
 * A large batch is multiplied panel by panel: some rows are decoded to F32, dense and sparse part,
 * as by densq_read_rows, and multiplied by sgemm.  Both are done by the threads of
 * densq_backend_options.parallel, at most 16 of them.  Differences to other backends:
 *
 *  - Sums are those of sgemm in F32, in all precisions.
 *  - The bits of y[b] also depend on the batch, on the strides and on OpenBLAS: its version, its
 *    kernels, its number of threads.  They do not depend on the number of threads in `parallel`.
 *  - The workspace holds up to 16 panels, one for each thread that takes part.  A panel takes at
 *    most 2 MiB, or one row.
 *  - OpenBLAS has its own threads and its own memory.  Several tasks call it at the same time.  So
 *    give it one thread (openblas_set_num_threads(1)) if `parallel` has more than one, and use a
 *    build of OpenBLAS that several threads may call (with threads, or with USE_LOCKING).  It
 *    allocates buffers when it is first used; if it gets no memory, it may print and end the
 *    process. */
#ifndef DENSQ_OPENBLAS_H
#define DENSQ_OPENBLAS_H

#include "densq/densq.h"

DENSQ_BEGIN_DECLS

/* The provider for densq_backend_options.provider: a constant, never NULL.  With it,
 * densq_backend_create gives DENSQ_ERR_NOT_FOUND for other names than those above, and
 * DENSQ_ERR_UNSUPPORTED if libdensq.a has another version than this archive. */
DENSQ_API const densq_provider *densq_openblas_provider(void);

DENSQ_END_DECLS
#endif /* DENSQ_OPENBLAS_H */
