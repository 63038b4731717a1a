// SPDX-License-Identifier: MIT
// handles.hpp - densq's objects as owners that release themselves; its statuses as exceptions, its
// version and constants as text.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "densq/densq.h"
#include "densq/threads.h"

namespace densq::tool {

inline void require(densq_status status, const densq_fault &fault = {}) {
    if (status == DENSQ_OK) return;
    throw std::runtime_error(fault.text[0] ? fault.text : densq_strerror(status));
}

template <auto destroy>
struct Destroy {
    template <typename T>
    void operator()(T *object) const {
        destroy(&object);
    }
};
using File = std::unique_ptr<densq_file, Destroy<densq_close>>;
using Backend = std::unique_ptr<densq_backend, Destroy<densq_backend_destroy>>;
using Weights = std::unique_ptr<densq_weights, Destroy<densq_unbind>>;
using Pool = std::unique_ptr<densq_threads, Destroy<densq_threads_destroy>>;

inline std::string version_text() {
    const uint32_t version = densq_version();
    return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 255) + "." +
           std::to_string(version & 255);
}

struct NamedPrecision {
    const char *name;
    densq_precision precision;
};
constexpr NamedPrecision kPrecisions[] = {
    {"fast", DENSQ_FAST}, {"exact", DENSQ_EXACT}, {"int8", DENSQ_INT8}};

inline std::vector<std::string> precision_names() {
    std::vector<std::string> names;
    for (const NamedPrecision &known : kPrecisions) names.push_back(known.name);
    return names;
}

inline const char *precision_name(densq_precision precision) {
    for (const NamedPrecision &known : kPrecisions)
        if (known.precision == precision) return known.name;
    return "unknown";
}

// Of one of precision_names().
inline densq_precision precision_named(const std::string &name) {
    for (const NamedPrecision &known : kPrecisions)
        if (name == known.name) return known.precision;
    return DENSQ_PRECISION_DEFAULT;
}

// Name and size of a densq_dtype.
inline const char *dtype_name(uint32_t dtype) {
    return dtype == DENSQ_F32 ? "F32" : dtype == DENSQ_F16 ? "F16" : "BF16";
}
inline uint64_t dtype_bytes(uint32_t dtype) { return dtype == DENSQ_F32 ? 4 : 2; }

}  // namespace densq::tool
