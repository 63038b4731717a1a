// SPDX-License-Identifier: MIT
// guarded.hpp - arrays that end (or begin) at a page which must not be touched.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

namespace densq::test {

enum class Side { kEnd, kBegin };

// `count` elements directly before (kEnd) or behind (kBegin) an inaccessible page; between them and
// the far guard lie bytes 0xAA.  The address is aligned to T only.
template <typename T>
class Guarded {
public:
    Guarded(size_t elements, Side side) : count(elements) {
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t body = (count * sizeof(T) + page - 1) / page * page;
        size = body + 2 * page;
        void *at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) throw std::bad_alloc();
        base = static_cast<uint8_t *>(at);
        std::memset(base, 0xAA, size);
        mprotect(base, page, PROT_NONE);
        mprotect(base + page + body, page, PROT_NONE);
        uint8_t *first = base + page + (side == Side::kEnd ? body - count * sizeof(T) : 0);
        values = reinterpret_cast<T *>(first);
    }

    Guarded(const std::vector<T> &from, Side side) : Guarded(from.size(), side) {
        if (count) std::memcpy(values, from.data(), count * sizeof(T));
    }

    ~Guarded() { munmap(base, size); }
    Guarded(const Guarded &) = delete;
    Guarded &operator=(const Guarded &) = delete;

    T *data() { return values; }

private:
    size_t count, size;
    uint8_t *base;
    T *values;
};

}  // namespace densq::test
