// SPDX-License-Identifier: MIT
// handles.hpp - densq's objects as owners that release themselves; its statuses as exceptions.
#pragma once
#include <memory>
#include <stdexcept>

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
using Backend = std::unique_ptr<densq_backend, Destroy<densq_backend_destroy>>;
using Weights = std::unique_ptr<densq_weights, Destroy<densq_unbind>>;
using Pool = std::unique_ptr<densq_threads, Destroy<densq_threads_destroy>>;

}  // namespace densq::tool
