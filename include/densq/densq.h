/* SPDX-License-Identifier: MIT
 * densq.h - Dense-and-Sparse (SqueezeLLM) quantized matrices: load, inspect, multiply.
 *
 * A matrix of rows x cols weights is stored as one code of 2, 3 or 4 bits per weight, a lookup
 * table (LUT) of 2^bits fp16 centroids per row, and a sparse matrix S in CSR form:
 *
 *     W[r][c] = lut[r][code[r][c]] + S[r][c]          y = W x
 *
 * (Kim et al., "SqueezeLLM: Dense-and-Sparse Quantization", ICML 2024, sections 4.1 and 4.2.)
 *
 * Conventions.  Functions return a densq_status: 0 is success.  Where a function takes a
 * densq_fault, it may be NULL; else it is written on failure only and says what and where.  On
 * failure every output parameter is left or set to NULL/0.
 *
 * Structs.  A later version of a struct may have more fields at its end.  A `struct_size` field
 * must hold the sizeof of its struct as the caller compiled it; the library fits what it knows to
 * that, whether caller or library is the newer one.  In options a zero field selects the default.
 * A newer caller who sets a field that this library does not know gets DENSQ_ERR_UNSUPPORTED.  In
 * a struct that the library fills, fields that it does not know become zero.
 *
 * Thread safety.  A densq_file, a densq_backend and densq_weights do not change after they were
 * made: several threads may use them at the same time.  A workspace must not be used by two calls
 * at the same time.  No function has global state, throws an exception, prints or exits. */
#ifndef DENSQ_H
#define DENSQ_H

#include <stddef.h>
#include <stdint.h>

#include "densq/export.h"
#include "densq/version.h"

DENSQ_BEGIN_DECLS

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef int32_t densq_status; /* one of enum densq_error; the values never change */
enum densq_error {
    DENSQ_OK = 0,
    DENSQ_ERR_ARGUMENT = 1,     /* a parameter is NULL, out of range, or too small */
    DENSQ_ERR_MEMORY = 2,       /* the allocator returned NULL, or a device has no memory left */
    DENSQ_ERR_IO = 3,           /* the operating system could not open, read or map it */
    DENSQ_ERR_MAGIC = 4,        /* not a densq file */
    DENSQ_ERR_VERSION = 5,      /* a densq file of a version or with a feature unknown here */
    DENSQ_ERR_CORRUPT = 6,      /* the file breaks a rule of docs/format.md */
    DENSQ_ERR_CHECKSUM = 7,     /* a section's bytes do not match its CRC-32C */
    DENSQ_ERR_LIMIT = 8,        /* larger than the caller's or the format's limit */
    DENSQ_ERR_NOT_FOUND = 9,    /* no entry or backend of that name */
    DENSQ_ERR_UNSUPPORTED = 10, /* this machine or this build cannot do it */
    DENSQ_ERR_DEVICE = 11       /* a GPU refused or failed at its work */
};

/* Static English text for a status, never NULL, for any value. */
DENSQ_API const char *densq_strerror(densq_status status);

/* Version of the library: major << 16 | minor << 8 | patch. */
DENSQ_API uint32_t densq_version(void);

/* CRC-32C (Castagnoli: polynomial 0x1EDC6F41, reflected) of `size` bytes: the checksum of densq
 * files, for programs that write them.  `crc` is the result for the bytes before these, or 0 if
 * there are none.  `bytes` may be NULL if size is 0. */
DENSQ_API uint32_t densq_crc32c(uint32_t crc, const void *bytes, size_t size);

/* Why and where a call failed.  The memory is the caller's. */
typedef struct densq_fault {
    uint64_t offset; /* byte offset in the file, or UINT64_MAX where none applies */
    char text[240];  /* NUL-terminated: "matrix 'a.b': row_ptr[17] is less than row_ptr[16]" */
} densq_fault;

/* ---- Memory and threads of the caller -------------------------------------------------------- */

/* Returns `size` (> 0) bytes at a multiple of `align` (a power of two, at most 64), or NULL. */
typedef void *(*densq_alloc_fn)(void *user, size_t size, size_t align);
/* Frees what densq_alloc_fn returned for the same `size`.  `ptr` is never NULL. */
typedef void (*densq_free_fn)(void *user, void *ptr, size_t size);

/* Part of a job: handles the indices begin <= i < end. */
typedef void (*densq_task_fn)(void *arg, uint32_t begin, uint32_t end);
/* Calls `task`, with `arg`, so that every index from 0 to count - 1 is handled exactly once, on any
 * threads and in any order; returns when all indices are done.  Memory is read fastest if a thread
 * gets many consecutive indices.  threads.h has such a function. */
typedef void (*densq_parallel_fn)(void *user, uint32_t count, densq_task_fn task, void *arg);

/* ---- Files ----------------------------------------------------------------------------------- */

typedef struct densq_file densq_file; /* opaque */

enum densq_open_flags {
    DENSQ_OPEN_COPY = 1u << 0,         /* read the file into memory instead of mapping it, see
                                          below.  Memory from malloc then has pages of 2 MiB, if
                                          the system has some, and multiplying is faster */
    DENSQ_OPEN_SKIP_CHECKSUM = 1u << 1 /* do not compare the CRCs of values and sections; all other
                                          checks are made */
};

typedef struct densq_open_options {
    size_t struct_size;
    uint64_t max_bytes;   /* larger files give DENSQ_ERR_LIMIT; 0: no limit */
    uint32_t flags;       /* densq_open_flags */
    densq_alloc_fn alloc; /* both or neither; NULL: malloc and free */
    densq_free_fn free;
    void *user; /* handed to alloc and free */
} densq_open_options;

/* Opens a file and proves that it obeys docs/format.md: every size, offset, index, padding byte,
 * LUT entry and sparse value is checked.  So no later call fails because of its content or reads
 * outside it.  (Floats of plain tensors may be infinite or NaN.)  By default the file is mapped.
 * Then a process that truncates or changes the file while it is open can crash this one or make the
 * proof void: use DENSQ_OPEN_COPY for files that others can write to.  `options` may be NULL. */
DENSQ_API densq_status densq_open_path(densq_file **out, const char *path,
                                       const densq_open_options *options, densq_fault *fault);

/* The same for a file of `size` bytes in memory.  Without DENSQ_OPEN_COPY, `bytes` must be aligned
 * to 64 bytes and must not change until densq_close. */
DENSQ_API densq_status densq_open_memory(densq_file **out, const void *bytes, size_t size,
                                         const densq_open_options *options, densq_fault *fault);

/* Closes the file and sets *file to NULL.  Pointers into the file and weights made from it must not
 * be used any more.  `file` and *file may be NULL. */
DENSQ_API void densq_close(densq_file **file);

/* A file has three kinds of entries, each sorted by name (ascending bytes).  No two matrices or
 * tensors have the same name. */
typedef enum densq_kind { DENSQ_METADATA = 0, DENSQ_MATRIX = 1, DENSQ_TENSOR = 2 } densq_kind;

/* Number of entries of a kind; 0 for an unknown kind. */
DENSQ_API uint32_t densq_count(const densq_file *file, densq_kind kind);

/* Sets *index to the index of the entry with this name.  Returns DENSQ_ERR_NOT_FOUND if there is
 * none. */
DENSQ_API densq_status densq_find(const densq_file *file, densq_kind kind, const char *name,
                                  uint32_t *index);

/* The pointers in these structs point into the file: they are valid until densq_close.  Names are
 * UTF-8 of 1 to 255 bytes without control characters.  They do NOT end with a NUL. */

typedef struct densq_metadata { /* a key and its value, UTF-8 text: config, tokenizer, ... */
    size_t struct_size;
    const char *key;
    size_t key_bytes;
    const char *value; /* does not end with a NUL */
    size_t value_bytes;
} densq_metadata;

typedef struct densq_matrix { /* a quantized matrix */
    size_t struct_size;
    const char *name;
    size_t name_bytes;
    uint32_t rows, cols; /* y[rows] = W[rows][cols] x[cols] */
    uint32_t bits;       /* DENSQ_MIN_BITS..DENSQ_MAX_BITS of format.h: 2, 3 or 4 */
    uint32_t nnz;        /* stored values of the sparse part */
    uint64_t bytes;      /* size in the file: all sections with their padding */
} densq_matrix;

typedef enum densq_dtype { DENSQ_F32 = 1, DENSQ_F16 = 2, DENSQ_BF16 = 3 } densq_dtype;

typedef struct densq_tensor { /* a tensor that is not quantized */
    size_t struct_size;
    const char *name;
    size_t name_bytes;
    uint32_t dtype;      /* densq_dtype */
    uint32_t dimensions; /* 0..4 */
    uint32_t shape[4];   /* row-major; entries from `dimensions` on are 0 */
    const void *data;    /* 64-byte aligned, little-endian */
    uint64_t bytes;
} densq_tensor;

/* These fill *out, whose struct_size the caller has set.  index < densq_count(). */
DENSQ_API densq_status densq_get_metadata(const densq_file *file, uint32_t index,
                                          densq_metadata *out);
DENSQ_API densq_status densq_get_matrix(const densq_file *file, uint32_t index, densq_matrix *out);
DENSQ_API densq_status densq_get_tensor(const densq_file *file, uint32_t index, densq_tensor *out);

/* Writes `count` rows of matrix `index`, from row `row` on, as F32, the sum of dense and sparse
 * part: the weight in row + i and column c goes to out[i * out_stride + c].  out_stride is in
 * elements and at least cols.  The bits do not depend on the floating-point environment: see
 * densq_matmul. */
DENSQ_API densq_status densq_read_rows(const densq_file *file, uint32_t index, uint32_t row,
                                       uint32_t count, float *out, size_t out_stride);

/* ---- Multiplying ----------------------------------------------------------------------------- */

typedef struct densq_backend densq_backend; /* opaque: one instruction set, one precision */

/* How the dense part is computed.  The sparse part is always computed in F32.
 *
 * EXACT: LUT entries and activations are F32 and are added in F32.
 *
 * FAST: LUT entries become integers of 13 bits with one scale for each row, activations become
 * integers of 16 bits with one scale for each span of 256 columns, and their products are added
 * exactly.  Let L be the largest |LUT entry| of the row, n_s the number of columns of span s and
 * X_s the largest |activation| in it.  The result differs from the exact sum by at most
 *
 *     2^-13 * 1.13 * L * sum_s n_s max(X_s, 2^-100)    (+ roundings of F32 sums)
 *
 * INT8: LUT entries become integers of 0..127, 63 or 31 (4, 3, 2 bits) with a scale and an offset
 * for each row, activations become integers of 8 bits with one scale for each lane: 32 columns of a
 * block of 512.  With D the range of the row's LUT divided by that number, n_j the columns of lane
 * j and X_j the largest |activation| in it, the difference is at most
 *
 *     1.01 * (D / 2 + (L + D / 2) / 254) * sum_j n_j max(X_j, 2^-100)    (+ roundings)
 *
 * The bits of INT8 are the same on all CPU backends, "scalar" included.
 *
 * docs/precision.md proves these bounds, gives that of EXACT, the roundings and the range in which
 * results are finite, and says what the precisions cost a model.
 *
 * In all of them, an infinite or NaN activation makes every output of its vector infinite or NaN.
 * OpenBLAS's backends have all three, CUDA's have FAST and EXACT. */
typedef enum densq_precision {
    DENSQ_PRECISION_DEFAULT = 0, /* FAST; a later version of the library may choose another one */
    DENSQ_FAST = 1,
    DENSQ_EXACT = 2,
    DENSQ_INT8 = 3
    /* Later versions may have more.  A backend that lacks one gives DENSQ_ERR_UNSUPPORTED. */
} densq_precision;

/* A family of backends that is not in this archive.  densq/cuda.h and densq/openblas.h have one
 * each and say how they compute. */
typedef struct densq_provider densq_provider; /* opaque, constant */

typedef struct densq_backend_options {
    size_t struct_size;
    const char *name;           /* one of densq_backend_at; NULL: the fastest one */
    uint32_t precision;         /* densq_precision; others give DENSQ_ERR_ARGUMENT */
    densq_parallel_fn parallel; /* NULL: run on the calling thread */
    void *parallel_user;        /* handed to parallel */
    densq_alloc_fn alloc;       /* both or neither; NULL: malloc and free */
    densq_free_fn free;
    void *user;                     /* handed to alloc and free */
    const densq_provider *provider; /* NULL: the CPU backends of this library.  Else `name` is one
                                       of the provider's backends, or NULL for its first one */
} densq_backend_options;

/* Names of the backends that this build has and this machine can run ("avx512", "avx2", "neon",
 * "scalar"), the fastest first: index 0, 1 and so on; NULL behind the last one. */
DENSQ_API const char *densq_backend_at(uint32_t index);

/* `options` may be NULL.  DENSQ_ERR_NOT_FOUND: there is no backend with this name.
 * DENSQ_ERR_UNSUPPORTED: this build has it, but this CPU cannot run it.  A program may have several
 * backends at the same time. */
DENSQ_API densq_status densq_backend_create(densq_backend **out,
                                            const densq_backend_options *options,
                                            densq_fault *fault);
DENSQ_API const char *densq_backend_name(const densq_backend *backend); /* static text */
DENSQ_API void densq_backend_destroy(densq_backend **backend); /* sets it to NULL; may be NULL */

/* A matrix prepared for a backend.  The CPU backends read the codes from the file and allocate
 * little: about the size of the LUTs.  File and backend must not be closed or destroyed before the
 * weights. */
typedef struct densq_weights densq_weights;
DENSQ_API densq_status densq_bind(densq_weights **out, const densq_backend *backend,
                                  const densq_file *file, uint32_t index, densq_fault *fault);
DENSQ_API void densq_unbind(densq_weights **weights); /* sets it to NULL; may be NULL */

/* The size in bytes of the workspace that densq_matmul needs for `batch` activation vectors; 0 if
 * that is more than the address space. */
DENSQ_API size_t densq_workspace_size(const densq_weights *weights, uint32_t batch);

/* y[b * y_stride + r] = sum_c W[r][c] x[b * x_stride + c]  for b < batch, r < rows, c < cols.
 *
 * Strides are in elements: x_stride >= cols, y_stride >= rows (for a batch of 1 both are ignored).
 * x, y and the workspace must not overlap; x and y are aligned as floats are, the workspace may
 * begin at any address.  Nothing is allocated.  The bits of y[b] depend only on the matrix, on x[b]
 * and on the name and precision of the backend, but not on the number of threads or on the other
 * vectors of the batch.  openblas.h and cuda.h say where their backends differ.
 *
 * Nor do the bits depend on the floating-point environment (rounding, flush to zero, traps) of the
 * threads that call densq_bind, densq_matmul or its tasks: the library computes in the default
 * environment, and each thread has its own again afterwards. */
DENSQ_API densq_status densq_matmul(const densq_weights *weights, uint32_t batch, const float *x,
                                    size_t x_stride, float *y, size_t y_stride, void *workspace,
                                    size_t workspace_size);

/* One of several products with the same activations: a matrix, and where its outputs go. */
typedef struct densq_product {
    const densq_weights *weights;
    void *y;         /* y[b * y_stride + r], elements of y_dtype */
    size_t y_stride; /* in elements, at least the matrix' rows; ignored for a batch of 1 */
} densq_product;

/* Multiplies `count` matrices, as q, k and v, or gate and up, by the same activations.  On the CPU
 * they are prepared once, and the threads of `parallel` share the work on all matrices, in one job:
 * several small matrices take little longer than one of their size.
 *
 * All matrices have the same backend and number of columns.  count <= 1024.  x and y are arrays of
 * a densq_dtype; sums are in F32, y is rounded to the nearest value and becomes infinite if F16
 * cannot hold it.  The bits are those of densq_matmul for x as F32, with y rounded.  The ys may lie
 * side by side in the rows of one array, of which y_stride is the width, but must not overlap, nor
 * may x or the workspace overlap them.  All are aligned to their elements.
 *
 * DENSQ_ERR_ARGUMENT: the fault says which argument is wrong; nothing has been written. */
DENSQ_API densq_status densq_matmul_shared(const densq_product *products, uint32_t count,
                                           uint32_t batch, const void *x, uint32_t x_dtype,
                                           size_t x_stride, uint32_t y_dtype, void *workspace,
                                           size_t workspace_size, densq_fault *fault);

/* The size in bytes of the workspace that densq_matmul_shared needs; 0 if that is more than the
 * address space, or if it would refuse the matrices or types.  y and y_stride are not looked at. */
DENSQ_API size_t densq_workspace_size_shared(const densq_product *products, uint32_t count,
                                             uint32_t batch, uint32_t x_dtype, uint32_t y_dtype);

DENSQ_END_DECLS
#endif /* DENSQ_H */
