// SPDX-License-Identifier: MIT
// plain_read.hpp - reads memory as fast as the CPU can: what every kernel is measured against.
//
// Which way is the fastest differs from CPU to CPU, and between memory and cache.  So there are
// many, and whoever measures takes the best.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace densq::tool {

struct ReadingWay {
    uint32_t streams;         // that are read side by side: 1, 2, 4 or 8
    uint32_t lines;           // of a stream that are read at once: 2 or 4
    uint32_t prefetch_bytes;  // how far ahead a stream is prefetched; 0: not at all

    std::string text() const;  // "4 streams, 8 KiB ahead"
};

const std::vector<ReadingWay> &reading_ways();

// Sum of the 64-byte lines at `bytes` (64-byte aligned), word by word, with the widest vectors that
// the CPU has, or with those of `widest` bytes if that is less (16, 32 or 64).
uint64_t plain_read(const ReadingWay &way, const void *bytes, size_t lines, size_t widest = 64);

}  // namespace densq::tool
