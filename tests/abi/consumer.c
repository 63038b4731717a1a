/* SPDX-License-Identifier: MIT
 * consumer.c - a C99 program: multiplies a file's first matrix by (1, 2, 3, ...), prints y. */
#include <densq/densq.h>
#ifdef WITH_THREADS
#include <densq/threads.h>
#endif
#ifdef WITH_CUDA /* to be run where there is no device */
#include <densq/cuda.h>
#endif
#ifdef WITH_OPENBLAS
#include <densq/openblas.h>
#endif
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, densq_status status, const densq_fault *fault) {
    fprintf(stderr, "%s: %s: %s\n", what, densq_strerror(status), fault->text);
    return 1;
}

int main(int argc, char **argv) {
    densq_backend_options options = {.struct_size = sizeof options, .precision = DENSQ_EXACT};
    densq_matrix matrix = {.struct_size = sizeof matrix};
    densq_file *file;
    densq_backend *backend;
    densq_weights *weights;
    densq_fault fault = {0};
    densq_status status;

    if (argc != 2) return 2;
#ifdef WITH_THREADS
    densq_threads *pool;
    if ((status = densq_threads_create(&pool, 2))) return fail("threads", status, &fault);
    options.parallel = densq_threads_run;
    options.parallel_user = pool;
#endif
#ifdef WITH_CUDA
    options.provider = densq_cuda_provider();
    status = densq_backend_create(&backend, &options, &fault);
    fail("backend", status, &fault);
    if (status != DENSQ_ERR_UNSUPPORTED) return 3;
    options.provider = NULL;
#endif
#ifdef WITH_OPENBLAS
    options.provider = densq_openblas_provider();
    options.name = "openblas-all";
#endif
    if ((status = densq_open_path(&file, argv[1], NULL, &fault)))
        return fail("open", status, &fault);
    if ((status = densq_get_matrix(file, 0, &matrix))) return fail("get", status, &fault);
    if ((status = densq_backend_create(&backend, &options, &fault)))
        return fail("backend", status, &fault);
    if ((status = densq_bind(&weights, backend, file, 0, &fault)))
        return fail("bind", status, &fault);

    size_t size = densq_workspace_size(weights, 1);
    void *workspace = malloc(size);
    float *x = malloc(matrix.cols * sizeof *x), *y = malloc(matrix.rows * sizeof *y);
    for (uint32_t i = 0; i < matrix.cols; ++i) x[i] = (float)(i + 1);
    if ((status = densq_matmul(weights, 1, x, 0, y, 0, workspace, size)))
        return fail("matmul", status, &fault);
    for (uint32_t i = 0; i < matrix.rows; ++i) printf("%.9g\n", y[i]);

    free(workspace);
    free(x);
    free(y);
    densq_unbind(&weights);
    densq_backend_destroy(&backend);
    densq_close(&file);
#ifdef WITH_THREADS
    densq_threads_destroy(&pool);
#endif
    return 0;
}
