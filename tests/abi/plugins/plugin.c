/* SPDX-License-Identifier: MIT
 * plugin.c - a plug-in that has linked the archives, by itself and without any care. */
#include <densq/densq.h>
#include <densq/threads.h>

uint32_t plugin_header_version(void);
uint32_t plugin_library_version(void);
int plugin_works(const char *path);

uint32_t plugin_header_version(void) {
    return DENSQ_VERSION_MAJOR << 16 | DENSQ_VERSION_MINOR << 8 | DENSQ_VERSION_PATCH;
}

uint32_t plugin_library_version(void) { return densq_version(); }

int plugin_works(const char *path) {
    densq_backend_options options = {.struct_size = sizeof options};
    densq_file *file = NULL;
    densq_backend *backend = NULL;
    densq_weights *weights = NULL;
    densq_threads *pool = NULL;
    densq_status status = densq_threads_create(&pool, 2);
    options.parallel = densq_threads_run;
    options.parallel_user = pool;
    if (status == DENSQ_OK) status = densq_open_path(&file, path, NULL, NULL);
    if (status == DENSQ_OK) status = densq_backend_create(&backend, &options, NULL);
    if (status == DENSQ_OK) status = densq_bind(&weights, backend, file, 0, NULL);
    densq_unbind(&weights);
    densq_backend_destroy(&backend);
    densq_close(&file);
    densq_threads_destroy(&pool);
    return status == DENSQ_OK;
}
