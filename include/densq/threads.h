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

/* Makes a pool that runs jobs on `threads` threads, the calling thread included.  0: as many as the
 * calling thread may use CPUs, by its affinity and by the quotas of its control groups.  The
 * threads of the pool poll for 50 us after a job, if there is a CPU for each, and then sleep.  They
 * are never bound to a CPU: one that finds itself on the caller's moves to another.
 * DENSQ_ERR_ARGUMENT: more than 1024 threads.  DENSQ_ERR_MEMORY, DENSQ_ERR_UNSUPPORTED: the system
 * has no memory or no thread for it.  After fork(), the child must not use the pool. */
DENSQ_API densq_status densq_threads_create(densq_threads **out, uint32_t threads);

/* The number of threads that run a job, the calling thread included. */
DENSQ_API uint32_t densq_threads_count(const densq_threads *pool);

/* A densq_parallel_fn.  `pool` is a densq_threads *, or NULL: then the calling thread does all.  If
 * several threads start jobs on a pool at the same time, the jobs run one after the other.  While
 * other processes take the CPUs, so that the caller has had to wait for threads that did not get
 * one, it does its jobs alone, for 4 to 32 ms at a time.  A task must not start a job on the pool
 * that runs it. */
DENSQ_API void densq_threads_run(void *pool, uint32_t count, densq_task_fn task, void *arg);

/* Ends the threads of the pool and sets *pool to NULL.  No job may be running.  `pool` and *pool
 * may be NULL. */
DENSQ_API void densq_threads_destroy(densq_threads **pool);

DENSQ_END_DECLS
#endif /* DENSQ_THREADS_H */
