// SPDX-License-Identifier: MIT
// provider.hpp - what the exported functions know of a backend, of a matrix bound to it, and of the
// provider that makes them.
//
// The CPU backends are in lib/cpu/cpu_backend.hpp.  Other backends are in separate archives, and
// the caller gives the core their densq_provider, so that it needs neither them nor their
// libraries. Both archives must have the same version: these structs are not an ABI.
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
    Matrix view;  // integers and row_scale are NULL
};

// The functions of a kind of backend, like those of densq.h, with arguments that are checked.
struct BackendOps {
    void (*destroy)(densq_backend *backend);
    densq_status (*bind)(densq_weights **out, const densq_backend *backend,
                         const MatrixInFile &matrix, densq_fault *fault);
    void (*unbind)(densq_weights *weights);
    size_t (*workspace_size)(const Operands &operands);  // without x, y and workspace
    densq_status (*matmul)(const Operands &operands, densq_fault *fault);
};

}  // namespace densq

// Each kind of backend has structs that derive from these.
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
    // `options` are checked, except the name.  The provider refuses a name that it does not know
    // and a precision that it does not have.
    densq_status (*create)(densq_backend **out, const densq_backend_options &options,
                           const densq::Allocator &allocator, densq_fault *fault);
};
