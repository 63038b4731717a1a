// SPDX-License-Identifier: MIT
// test_plain_read.cpp - every way of reading reads all lines once and nothing else.
#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "tests/kernels/guarded.hpp"
#include "tools/densq/measure/plain_read.hpp"

using namespace densq::test;
using namespace densq::tool;

TEST_CASE("the sum of all words, whatever the way and the width") {
    for (const size_t lines :
         {size_t{0}, size_t{1}, size_t{3}, size_t{8}, size_t{33}, size_t{517}}) {
        std::vector<uint64_t> words(lines * 8);
        for (size_t i = 0; i < words.size(); ++i) words[i] = i * i * 0x9E3779B97F4A7C15;
        const uint64_t expected = std::accumulate(words.begin(), words.end(), uint64_t{0});
        for (const Side side : {Side::kBegin, Side::kEnd}) {
            Guarded<uint64_t> memory(words, side);
            for (const ReadingWay &way : reading_ways()) {
                CAPTURE(way.text());
                for (const size_t widest : {16u, 32u, 64u})
                    CHECK(plain_read(way, memory.data(), lines, widest) == expected);
            }
        }
    }
}
