/* SPDX-License-Identifier: MIT
 * cuda.h - NVIDIA GPUs as backends (libdensq_cuda.a, with libcudart_static.a).
 *
 *     densq_backend_options options = {.struct_size = sizeof options};
 *     options.provider = densq_cuda_provider();
 *     options.name = "cuda:0";
 *     densq_backend_create(&backend, &options, &fault);
 *
 * Names are "cuda:0", "cuda:1" and so on to "cuda:63", in CUDA's order of devices, which
 * CUDA_VISIBLE_DEVICES changes.  NULL and "cuda" mean "cuda:0".  A device needs compute capability
 * 7.5 or newer.  `parallel` of the options is not used.
 *
 * Precision.  LUT entries are used as they are.  FAST rounds activations to 11 significant bits,
 * EXACT to 22.  This changes a result by at most 2^-11 or 2^-22 of sum_c |w_c x_c|, and a little
 * more if activations are far below others of their span (docs/cuda.md).  Sums are in F32, in the
 * order of tensor cores.  The bits of y[b] depend only on the matrix, x[b], the precision and the
 * model of GPU.
 *
 * Device memory.  densq_bind copies the matrix to the device, in a layout for GPUs.  It makes one
 * allocation on the device, which densq_unbind frees.  While densq_bind runs, it also allocates as
 * many bytes with the allocator of the backend's options.  x, y and the workspace of densq_matmul
 * and densq_cuda_matmul belong to the caller.  They must be in memory that the device can access:
 * from densq_cuda_alloc, cudaMalloc or a similar function.
 *
 * Order.  The multiplying functions start the work on a stream and do not wait for it: x, y,
 * workspace and weights must not change before it is done.  They allocate nothing and can be
 * captured in a CUDA graph, except on the default stream.  Call them once before you capture them,
 * because CUDA loads a kernel when it is first used.  densq_bind, densq_unbind, densq_cuda_alloc,
 * _free, _upload and _download wait for the device and must not be called while the calling thread
 * captures.  densq_matmul uses the default stream (the legacy one): its work is done in order with
 * the work of all other streams, except those that were made non-blocking.
 *
 * Errors of the device give DENSQ_ERR_DEVICE, with CUDA's text in the fault.  As everywhere in
 * CUDA, an error of a kernel may be reported by a later call.  An error that densq has reported is
 * cleared: cudaGetLastError does not return it again.  Every function leaves the calling thread's
 * current device as it was.
 *
 * Threads.  As in densq.h: several threads may use a backend or weights at the same time.  A
 * workspace may be used again only when the multiplication before is done on its stream. */
#ifndef DENSQ_CUDA_H
#define DENSQ_CUDA_H

#include "densq/densq.h"

DENSQ_BEGIN_DECLS

/* The provider for densq_backend_options.provider: a constant, never NULL.  This function needs no
 * driver.  With this provider, densq_backend_create can fail with
 *
 *   DENSQ_ERR_NOT_FOUND    the name is not one of those above, or there is no device of this number
 *   DENSQ_ERR_UNSUPPORTED  no driver, or one too old for this build; no device, or one too old
 *   DENSQ_ERR_DEVICE       the device or its driver failed
 *
 * and densq_bind also gives DENSQ_ERR_MEMORY if the device has too little memory left. */
DENSQ_API const densq_provider *densq_cuda_provider(void);

typedef struct densq_cuda_device {
    size_t struct_size;
    char name[256];                        /* NUL-terminated: "NVIDIA H100 80GB HBM3" */
    uint32_t compute_major, compute_minor; /* compute capability */
    uint32_t multiprocessors;
    uint64_t memory_bytes;
    uint64_t l2_bytes;        /* size of the second-level cache */
    uint32_t driver_version;  /* newest CUDA version that the driver supports: 13000 is 13.0 */
    uint32_t runtime_version; /* version of the CUDA runtime in this program */
} densq_cuda_device;

/* The number of devices, of any compute capability.  DENSQ_ERR_UNSUPPORTED (and 0): there is no
 * driver, it is too old, or there is no device. */
DENSQ_API densq_status densq_cuda_count(uint32_t *count, densq_fault *fault);

/* Fills *out, whose struct_size the caller has set, with the properties of "cuda:<index>". */
DENSQ_API densq_status densq_cuda_get_device(uint32_t index, densq_cuda_device *out,
                                             densq_fault *fault);

/* Like densq_matmul, with types for x and y (densq_dtype) and a stream: a cudaStream_t, or NULL for
 * the default stream.  Sums are in F32 for all types; y is rounded to the nearest value, and
 * becomes infinite if F16 cannot hold it.  x and y are aligned to their types; strides are in
 * elements.
 *
 * DENSQ_ERR_ARGUMENT: as densq_matmul, or the weights are those of another provider.
 * DENSQ_ERR_DEVICE: the device refused the work.  DENSQ_ERR_UNSUPPORTED: this build has no kernels
 * for the device. */
DENSQ_API densq_status densq_cuda_matmul(const densq_weights *weights, uint32_t batch,
                                         const void *x, uint32_t x_dtype, size_t x_stride, void *y,
                                         uint32_t y_dtype, size_t y_stride, void *workspace,
                                         size_t workspace_size, void *stream, densq_fault *fault);

/* ---- For programs that do not use CUDA's runtime --------------------------------------------- */

/* Allocates memory of the backend's device, aligned to 256 bytes.  size > 0.  DENSQ_ERR_MEMORY: the
 * device has not as much left.  Free it before the backend is destroyed; `memory` may be NULL. */
DENSQ_API densq_status densq_cuda_alloc(const densq_backend *backend, void **out, size_t size,
                                        densq_fault *fault);
DENSQ_API void densq_cuda_free(const densq_backend *backend, void *memory);

/* Copy between host and device memory, on the default stream.  They return when it is done. */
DENSQ_API densq_status densq_cuda_upload(const densq_backend *backend, void *device,
                                         const void *host, size_t size, densq_fault *fault);
DENSQ_API densq_status densq_cuda_download(const densq_backend *backend, void *host,
                                           const void *device, size_t size, densq_fault *fault);

/* Starts a copy within the memory of the device, on the default stream. */
DENSQ_API densq_status densq_cuda_copy(const densq_backend *backend, void *to, const void *from,
                                       size_t size, densq_fault *fault);

/* Waits until the device has finished all work that was started on it, on all streams. */
DENSQ_API densq_status densq_cuda_synchronize(const densq_backend *backend, densq_fault *fault);

DENSQ_END_DECLS
#endif /* DENSQ_CUDA_H */
