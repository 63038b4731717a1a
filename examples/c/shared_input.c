/* SPDX-License-Identifier: MIT
 * shared_input.c - multiplies some matrices of a densq file, as q, k and v of a model's layer, by
 * the vector (1, 2, 3, ...) in one call; prints their outputs, one after the other.
 *
 *     gcc -std=c99 shared_input.c $(pkg-config --cflags --libs densq) -o shared_input
 *     ./shared_input FILE.densq NAME... */
#include <stdio.h>
#include <stdlib.h>

#include "densq/densq.h"

enum { MAX_MATRICES = 8 };

int main(int argc, char **argv) {
    densq_file *file = NULL;
    densq_backend *backend = NULL;
    densq_weights *weights[MAX_MATRICES] = {NULL};
    densq_product products[MAX_MATRICES];
    densq_matrix matrix[MAX_MATRICES];
    densq_fault fault = {0, "no matrix of that name"};
    const int count = argc - 2;
    if (count < 1 || count > MAX_MATRICES) return 2;

    densq_status status = densq_open_path(&file, argv[1], NULL, &fault);
    if (!status) status = densq_backend_create(&backend, NULL, &fault);
    for (int i = 0; !status && i < count; ++i) {
        uint32_t index;
        matrix[i].struct_size = sizeof matrix[i];
        status = densq_find(file, DENSQ_MATRIX, argv[i + 2], &index);
        if (!status) status = densq_get_matrix(file, index, &matrix[i]);
        if (!status) status = densq_bind(&weights[i], backend, file, index, &fault);
    }
    if (status) return fprintf(stderr, "shared_input: %s\n", fault.text), 1;

    float *x = malloc(matrix[0].cols * sizeof *x);
    for (uint32_t c = 0; c < matrix[0].cols; ++c) x[c] = (float)(c + 1);
    for (int i = 0; i < count; ++i)
        products[i] = (densq_product){weights[i], malloc(matrix[i].rows * sizeof(float)), 0};
    size_t size = densq_workspace_size_shared(products, (uint32_t)count, 1, DENSQ_F32, DENSQ_F32);
    void *workspace = malloc(size);
    status = densq_matmul_shared(products, (uint32_t)count, 1, x, DENSQ_F32, 0, DENSQ_F32,
                                 workspace, size, &fault);
    if (status) fprintf(stderr, "shared_input: %s\n", fault.text); /* columns differ, perhaps */
    for (int i = 0; !status && i < count; ++i)
        for (uint32_t r = 0; r < matrix[i].rows; ++r) printf("%g\n", ((float *)products[i].y)[r]);

    for (int i = 0; i < count; ++i) densq_unbind(&weights[i]), free(products[i].y);
    free(x), free(workspace);
    densq_backend_destroy(&backend);
    densq_close(&file);
    return status != DENSQ_OK;
}
