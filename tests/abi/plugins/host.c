/* SPDX-License-Identifier: MIT
 * host.c FILE PLUGIN...: a program whose plug-ins have archives of several versions; each must find
 * the functions of its own. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *find(void *plugin, const char *name) {
    void *function = dlsym(plugin, name);
    if (!function) fprintf(stderr, "%s: %s\n", name, dlerror());
    return function;
}

/* ISO C has no cast from an object's address to a function's. */
static uint32_t call_version(void *plugin, const char *name) {
    uint32_t (*version)(void);
    void *function = find(plugin, name);
    if (!function) return 0;
    memcpy(&version, &function, sizeof version);
    return version();
}

static int call_works(void *plugin, const char *path) {
    int (*works)(const char *);
    void *function = find(plugin, "plugin_works");
    if (!function) return 0;
    memcpy(&works, &function, sizeof works);
    return works(path);
}

int main(int argc, char **argv) {
    void *plugins[8];
    int right = argc > 3 && argc - 2 <= 8;
    for (int i = 2; right && i < argc; ++i) {
        plugins[i - 2] = dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL);
        if (!plugins[i - 2]) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
    }
    for (int i = 2; right && i < argc; ++i) {
        void *plugin = plugins[i - 2];
        const uint32_t compiled = call_version(plugin, "plugin_header_version");
        const uint32_t linked = call_version(plugin, "plugin_library_version");
        printf("plug-in %d was compiled for %06x and has %06x\n", i - 1, compiled, linked);
        if (compiled == 0 || compiled != linked || !call_works(plugin, argv[1])) right = 0;
    }
    return !right;
}
