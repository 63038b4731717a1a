/* SPDX-License-Identifier: MIT
 * cuda.h - NVIDIA GPUs as backends (libdensq_cuda.a, with libcudart_static.a).
 *
 *     densq_backend_options options = {.struct_size = sizeof options};
 *     options.provider = densq_cuda_provider();
 *     options.name = "cuda:0";
 *     densq_backend_create(&backend, &options, &fault);
 *
 * Names are "cuda:0", "cuda:1" and so on to "cuda:63", in CUDA's order of devices, which
 * CUDA_VISIBLE_DEVICES changes; NULL and "cuda" mean "cuda:0".  A device needs compute capability
 * 7.5 or newer.  `parallel` of the options is not used.
 *
 * Precision.  LUT entries are used as they are.  FAST rounds activations to 11 significant bits,
 * EXACT to 22, which changes a result by at most 2^-11 or 2^-22 of sum_c |w_c x_c| (docs/cuda.md:
 * and a little for activations far below others of their block); sums are in F32, in the order of
 * tensor cores.  The bits of y[b] depend on the matrix, x[b], the precision and the model of GPU
 * alone.
 *
 * Device memory.  densq_bind copies the matrix to the device, in a layout of its own, in one
 * allocation that densq_unbind frees; it takes as much of the caller's memory meanwhile.  x, y and
 * the workspace of densq_matmul and densq_cuda_matmul are the caller's, in memory that the device
 * can access: from densq_cuda_alloc, or cudaMalloc and its kin.
 *
 * Order.  A multiplication is started on a stream and not waited for: x, y, workspace and weights
 * must stay as they are until it is done.  It allocates nothing, waits for nothing and may be
 * captured in a CUDA graph, except on the default stream; run it once before, as CUDA loads kernels
 * on first use.  densq_bind, densq_unbind, densq_cuda_alloc, _free, _upload and _download wait for
 * the device and must not run while the calling thread captures.  densq_matmul uses the default
 * stream, the legacy one, which is ordered with all other streams but those made non-blocking.
 *
 * Errors of the device give DENSQ_ERR_DEVICE with CUDA's text in the fault; what a kernel does
 * wrong may show in a later call, as everywhere in CUDA.  They are not left behind for the
 * program's cudaGetLastError.  Every function leaves the calling thread's current device as it was.
 *
 * Threads.  As in densq.h: backends and weights are immutable, workspaces belong to one
 * multiplication at a time, that is until it is done on its stream. */
#ifndef DENSQ_CUDA_H
#define DENSQ_CUDA_H

#include "densq/densq.h"

DENSQ_BEGIN_DECLS

/* For densq_backend_options.provider; static, never NULL, needs no driver.  densq_backend_create
 * then fails with
 *
 *   DENSQ_ERR_NOT_FOUND    another name than the above, or no device of that number
 *   DENSQ_ERR_UNSUPPORTED  no driver, one too old for this build, no device, or one too old
 *   DENSQ_ERR_DEVICE       the device or its driver failed
 *
 * and densq_bind with DENSQ_ERR_MEMORY where the device's memory does not suffice either. */
DENSQ_API const densq_provider *densq_cuda_provider(void);

typedef struct densq_cuda_device {
    size_t struct_size;
    char name[256];                        /* NUL-terminated: "NVIDIA H100 80GB HBM3" */
    uint32_t compute_major, compute_minor; /* compute capability */
    uint32_t multiprocessors;
    uint64_t memory_bytes;
    uint64_t l2_bytes;        /* of the second-level cache */
    uint32_t driver_version;  /* newest CUDA that the driver supports: 13000 is 13.0 */
    uint32_t runtime_version; /* the CUDA runtime of this program */
} densq_cuda_device;

/* Number of devices, of whatever compute capability.  0 with DENSQ_ERR_UNSUPPORTED: no driver, one
 * too old, or no device. */
DENSQ_API densq_status densq_cuda_count(uint32_t *count, densq_fault *fault);

/* Fills *out, whose struct_size the caller has set, with what "cuda:<index>" is. */
DENSQ_API densq_status densq_cuda_get_device(uint32_t index, densq_cuda_device *out,
                                             densq_fault *fault);

/* densq_matmul with the types of x and y (densq_dtype) and the stream: a cudaStream_t, or NULL for
 * the default stream.  Sums are in F32 whatever the types; y is rounded to nearest, and what
 * exceeds F16 becomes infinite.  x and y are aligned to their types; strides are in elements.
 *
 * DENSQ_ERR_ARGUMENT: weights of another provider, and as densq_matmul.  DENSQ_ERR_DEVICE: the
 * device refused the work.  DENSQ_ERR_UNSUPPORTED: this build has no kernels for the device. */
DENSQ_API densq_status densq_cuda_matmul(const densq_weights *weights, uint32_t batch,
                                         const void *x, uint32_t x_dtype, size_t x_stride, void *y,
                                         uint32_t y_dtype, size_t y_stride, void *workspace,
                                         size_t workspace_size, void *stream, densq_fault *fault);

/* ---- For programs that do not use CUDA's runtime --------------------------------------------- */

/* Device memory of the backend's device, aligned to 256 bytes.  size > 0.  DENSQ_ERR_MEMORY: the
 * device has not as much left.  To be freed while the backend lives; NULL is fine. */
DENSQ_API densq_status densq_cuda_alloc(const densq_backend *backend, void **out, size_t size,
                                        densq_fault *fault);
DENSQ_API void densq_cuda_free(const densq_backend *backend, void *memory);

/* Copy between host and device memory, on the default stream; done on return. */
DENSQ_API densq_status densq_cuda_upload(const densq_backend *backend, void *device,
                                         const void *host, size_t size, densq_fault *fault);
DENSQ_API densq_status densq_cuda_download(const densq_backend *backend, void *host,
                                           const void *device, size_t size, densq_fault *fault);

/* Starts a copy within the device's memory, on the default stream. */
DENSQ_API densq_status densq_cuda_copy(const densq_backend *backend, void *to, const void *from,
                                       size_t size, densq_fault *fault);

/* Waits until the device has done all that was started on it, on any stream. */
DENSQ_API densq_status densq_cuda_synchronize(const densq_backend *backend, densq_fault *fault);

DENSQ_END_DECLS
#endif /* DENSQ_CUDA_H */
