// SPDX-License-Identifier: MIT
// provider.hpp - what the exported functions see of a backend and of a matrix bound to it, and who
// provides it.
//
// The CPU's are in lib/cpu/cpu_backend.hpp.  Others live in archives of their own, which the caller
// hands over as a densq_provider, so that the core needs neither them nor their libraries.  The two
// archives must be of one version: these structs are no ABI.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/densq.h"
#include "kernels/matrix.hpp"
#include "lib/base/alloc.hpp"
#include "lib/base/operands.hpp"

namespace densq {

// densq_version() of the archive that this is compiled into.
constexpr uint32_t kVersion =
    DENSQ_VERSION_MAJOR << 16 | DENSQ_VERSION_MINOR << 8 | DENSQ_VERSION_PATCH;

// A matrix of an open file.
struct MatrixInFile {
    const densq_file *file;
    uint32_t index;
    Matrix view;  // without the fast precision's
};

// A kind of backend.  Arguments are checked: see the functions of densq.h.
struct BackendOps {
    void (*destroy)(densq_backend *backend);
    densq_status (*bind)(densq_weights **out, const densq_backend *backend,
                         const MatrixInFile &matrix, densq_fault *fault);
    void (*unbind)(densq_weights *weights);
    size_t (*workspace_size)(const densq_weights *weights, uint32_t batch);
    densq_status (*matmul)(const densq_weights *weights, const Operands &operands);
};

}  // namespace densq

// Each kind derives from these.
struct densq_backend {
    const densq::BackendOps *ops;
    const char *name;  // static
    densq::Allocator allocator;
};

struct densq_weights {
    const densq_backend *backend;
    uint32_t rows, cols;
};

struct densq_provider {
    uint32_t version;  // densq::kVersion
    // `options` are checked, but for the name; a precision that the provider lacks, and `name`
    // where there is no such backend, are for it to refuse.
    densq_status (*create)(densq_backend **out, const densq_backend_options &options,
                           const densq::Allocator &allocator, densq_fault *fault);
};
