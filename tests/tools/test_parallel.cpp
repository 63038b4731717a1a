// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/densq/quantize/parallel.hpp"

using densq::tool::for_each_index;

TEST_CASE("parallel: every index once") {
    for (const uint32_t threads : {0u, 1u, 2u, 7u, 100u}) {
        for (const uint32_t count : {0u, 1u, 2u, 1000u}) {
            std::vector<std::atomic<int>> calls(count);
            for_each_index(count, threads, [&](uint32_t index) { ++calls.at(index); });
            for (const auto &number : calls) CHECK(number == 1);
        }
    }
}

TEST_CASE("parallel: the exception of the lowest index") {
    for (int repeat = 0; repeat < 50; ++repeat) {
        std::atomic<uint32_t> calls = 0;
        const auto work = [&](uint32_t index) {
            ++calls;
            if (index >= 5) throw std::runtime_error(std::to_string(index));
        };
        CHECK_THROWS_WITH(for_each_index(1000000, 8, work), "5");
        CHECK(calls < 1000);
    }
}
