/* SPDX-License-Identifier: MIT
 * matvec.c - multiplies the first matrix of a densq file by the vector (1, 2, 3, ...), prints y.
 *
 *     gcc -std=c99 matvec.c $(pkg-config --cflags --libs densq) -o matvec && ./matvec FILE.densq */
#include <stdio.h>
#include <stdlib.h>

#include "densq/densq.h"

int main(int argc, char **argv) {
    densq_file *file = NULL;
    densq_backend *backend = NULL;
    densq_weights *weights = NULL;
    densq_matrix matrix = {.struct_size = sizeof matrix};
    densq_fault fault = {0, "no matrix 0"};
    densq_status status = densq_open_path(&file, argc > 1 ? argv[1] : NULL, NULL, &fault);
    if (!status) status = densq_backend_create(&backend, NULL, &fault);
    if (!status) status = densq_get_matrix(file, 0, &matrix);
    if (!status) status = densq_bind(&weights, backend, file, 0, &fault);
    if (status) return fprintf(stderr, "matvec: %s\n", fault.text), 1;

    size_t workspace_size = densq_workspace_size(weights, 1);
    void *workspace = malloc(workspace_size);
    float *x = malloc(matrix.cols * sizeof *x), *y = malloc(matrix.rows * sizeof *y);
    for (uint32_t c = 0; c < matrix.cols; ++c) x[c] = (float)(c + 1);
    status = densq_matmul(weights, 1, x, 0, y, 0, workspace, workspace_size);
    for (uint32_t r = 0; !status && r < matrix.rows; ++r) printf("%g\n", y[r]);

    free(x), free(y), free(workspace);
    densq_unbind(&weights);
    densq_backend_destroy(&backend);
    densq_close(&file);
    return status;
}
