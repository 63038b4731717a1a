/* SPDX-License-Identifier: MIT
 * matvec.c - opens a densq file and multiplies each of its matrices by a vector of ones.
 *
 *     gcc matvec.c -ldensq -lm -o matvec && ./matvec model.densq */
#include <stdio.h>
#include <stdlib.h>

#include "densq/densq.h"

static int multiply(const densq_backend *backend, const densq_file *file, uint32_t index)
{
    densq_matrix matrix = {.struct_size = sizeof matrix};
    densq_weights *weights = NULL;
    densq_fault fault = {0};
    densq_status status = densq_get_matrix(file, index, &matrix);
    if (status == DENSQ_OK) status = densq_bind(&weights, backend, file, index, &fault);
    if (status != DENSQ_OK) return fprintf(stderr, "matvec: %s\n", fault.text), 1;

    const size_t space = densq_workspace_size(weights, 1);
    float *x = malloc(matrix.cols * sizeof *x), *y = malloc(matrix.rows * sizeof *y);
    void *workspace = malloc(space);
    if (!x || !y || !workspace) return fputs("matvec: out of memory\n", stderr), 1;
    for (uint32_t c = 0; c < matrix.cols; ++c) x[c] = 1.0f;
    status = densq_matmul(weights, 1, x, matrix.cols, y, matrix.rows, workspace, space);
    printf("%.*s: %u x %u, %u bits, y[0] = %g\n", (int)matrix.name_bytes, matrix.name, matrix.rows,
           matrix.cols, matrix.bits, status == DENSQ_OK ? y[0] : 0.0f);
    free(x), free(y), free(workspace);
    densq_unbind(&weights);
    return status != DENSQ_OK;
}

int main(int argc, char **argv)
{
    densq_file *file;
    densq_backend *backend;
    densq_fault fault = {0};
    int failed = 0;
    if (argc != 2) return fputs("usage: matvec FILE.densq\n", stderr), 2;
    if (densq_open_path(&file, argv[1], NULL, &fault) != DENSQ_OK ||
        densq_backend_create(&backend, NULL, &fault) != DENSQ_OK)
        return fprintf(stderr, "matvec: %s\n", fault.text), 1;
    for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i)
        failed |= multiply(backend, file, i);
    densq_backend_destroy(&backend);
    densq_close(&file);
    return failed;
}
