// SPDX-License-Identifier: MIT
// plain_read.cpp - one loop over lines, compiled for each vector width, number of streams and
// number of lines at once.
#include "plain_read.hpp"

namespace densq::tool {
namespace {

constexpr size_t kLineBytes = 64;

template <size_t width>
struct Wide;
template <>
struct Wide<16> {
    using Vector = uint64_t __attribute__((vector_size(16), may_alias));
};
template <>
struct Wide<32> {
    using Vector = uint64_t __attribute__((vector_size(32), may_alias));
};
template <>
struct Wide<64> {
    using Vector = uint64_t __attribute__((vector_size(64), may_alias));
};

// Four sums hide the latency of the additions.
template <size_t width>
struct Sums {
    typename Wide<width>::Vector sum[4] = {};

    __attribute__((always_inline)) void add_lines(const char *at, size_t lines) {
        using Vector = typename Wide<width>::Vector;
        const auto *vector = reinterpret_cast<const Vector *>(at);
#pragma GCC unroll 16
        for (size_t i = 0; i < lines * kLineBytes / width; ++i) sum[i % 4] += vector[i];
    }

    __attribute__((always_inline)) uint64_t total() const {
        const typename Wide<width>::Vector all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        uint64_t words = 0;
        for (size_t i = 0; i < width / sizeof words; ++i) words += all[i];
        return words;
    }
};

template <size_t width, size_t streams, size_t lines_at_once>
__attribute__((always_inline)) inline uint64_t sum_streams(const char *bytes, size_t lines,
                                                           size_t ahead) {
    const size_t steps = lines / (streams * lines_at_once);
    const size_t stream_bytes = steps * lines_at_once * kLineBytes;
    Sums<width> sums;
    for (size_t at = 0; at < stream_bytes; at += lines_at_once * kLineBytes) {
#pragma GCC unroll 8
        for (size_t s = 0; s < streams; ++s) {
            const char *line = bytes + s * stream_bytes + at;
            if (ahead)
                for (size_t i = 0; i < lines_at_once; ++i)
                    __builtin_prefetch(line + ahead + i * kLineBytes, 0, 2);
            sums.add_lines(line, lines_at_once);
        }
    }
    for (size_t line = steps * streams * lines_at_once; line < lines; ++line)
        sums.add_lines(bytes + line * kLineBytes, 1);
    return sums.total();
}

template <size_t width, size_t streams>
__attribute__((always_inline)) inline uint64_t sum_in_way(const ReadingWay &way, const char *bytes,
                                                          size_t lines) {
    return way.lines == 4 ? sum_streams<width, streams, 4>(bytes, lines, way.prefetch_bytes)
                          : sum_streams<width, streams, 2>(bytes, lines, way.prefetch_bytes);
}

template <size_t width>
__attribute__((always_inline)) inline uint64_t sum_lines(const ReadingWay &way, const char *bytes,
                                                         size_t lines) {
    switch (way.streams) {
    case 2: return sum_in_way<width, 2>(way, bytes, lines);
    case 4: return sum_in_way<width, 4>(way, bytes, lines);
    case 8: return sum_in_way<width, 8>(way, bytes, lines);
    default: return sum_in_way<width, 1>(way, bytes, lines);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) uint64_t sum_avx512(const ReadingWay &way, const char *bytes,
                                                       size_t lines) {
    return sum_lines<64>(way, bytes, lines);
}

__attribute__((target("avx2"))) uint64_t sum_avx2(const ReadingWay &way, const char *bytes,
                                                  size_t lines) {
    return sum_lines<32>(way, bytes, lines);
}
#endif

}  // namespace

std::string ReadingWay::text() const {
    return std::to_string(streams) + (streams == 1 ? " stream, " : " streams, ") +
           (prefetch_bytes ? std::to_string(prefetch_bytes / 1024) + " KiB ahead"
                           : std::string("not prefetched"));
}

const std::vector<ReadingWay> &reading_ways() {
    static const std::vector<ReadingWay> ways = [] {
        std::vector<ReadingWay> all;
        for (const uint32_t streams : {1u, 2u, 4u, 8u})
            for (const uint32_t lines : {2u, 4u})
                for (const uint32_t kib : {0u, 2u, 8u, 16u})
                    all.push_back({streams, lines, kib * 1024});
        return all;
    }();
    return ways;
}

uint64_t plain_read(const ReadingWay &way, const void *memory, size_t lines,
                    [[maybe_unused]] size_t widest) {
    const auto *bytes = static_cast<const char *>(memory);
#if defined(__x86_64__)
    if (widest >= 64 && __builtin_cpu_supports("avx512f")) return sum_avx512(way, bytes, lines);
    if (widest >= 32 && __builtin_cpu_supports("avx2")) return sum_avx2(way, bytes, lines);
#endif
    return sum_lines<16>(way, bytes, lines);
}

}  // namespace densq::tool
