/* SPDX-License-Identifier: MIT
 * threads.h - a ready-made thread pool for densq_backend_options.parallel (libdensq_threads.a).
 *
 *     densq_threads *pool;
 *     if (densq_threads_create(&pool, 0) == DENSQ_OK) {
 *         options.parallel = densq_threads_run;
 *         options.parallel_user = pool;
 *     }
 */
#ifndef DENSQ_THREADS_H
#define DENSQ_THREADS_H

#include "densq/densq.h"

DENSQ_BEGIN_DECLS

typedef struct densq_threads densq_threads; /* opaque */

/* Makes a pool that runs jobs on `threads` threads, the caller's counted among them; 0: one per
 * CPU that the process may use.  The pool's own threads sleep between jobs.
 * DENSQ_ERR_ARGUMENT: more than 1024 threads.  DENSQ_ERR_MEMORY, DENSQ_ERR_UNSUPPORTED: the
 * system gave no memory or no thread.  Not to be used across fork(). */
DENSQ_API densq_status densq_threads_create(densq_threads **out, uint32_t threads);

/* Number of threads that run a job. */
DENSQ_API uint32_t densq_threads_count(const densq_threads *pool);

/* A densq_parallel_fn; `pool` is a densq_threads, or NULL to run on the calling thread.  Jobs that
 * several threads start at a time run one after the other.  A task must not start a job on its own
 * pool. */
DENSQ_API void densq_threads_run(void *pool, uint32_t count, densq_task_fn task, void *arg);

/* Ends the pool's threads, sets *pool to NULL.  No job may be running.  NULL is fine. */
DENSQ_API void densq_threads_destroy(densq_threads **pool);

DENSQ_END_DECLS
#endif /* DENSQ_THREADS_H */
