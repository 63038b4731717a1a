// SPDX-License-Identifier: MIT
// aligned_vector.hpp - a vector that begins at a cache line, so that vector registers are loaded
// from one line each.
#pragma once
#include <cstddef>
#include <new>
#include <vector>

namespace densq::tool {

template <typename T>
struct AlignedAllocator {
    using value_type = T;
    static constexpr std::align_val_t kAlignment{64};

    AlignedAllocator() = default;
    template <typename Other>
    AlignedAllocator(const AlignedAllocator<Other> &) {}

    T *allocate(size_t count) {
        return static_cast<T *>(::operator new(count * sizeof(T), kAlignment));
    }
    void deallocate(T *values, size_t) { ::operator delete(values, kAlignment); }

    bool operator==(const AlignedAllocator &) const { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace densq::tool
