// SPDX-License-Identifier: MIT
// bit_budget.hpp - of several ways to store each of many things, those that together lose the least
// in a given number of bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace densq::tool {

struct StoringWay {
    uint64_t bytes;
    double loss;
};

// Of the smallest ones that which loses least.
const StoringWay &smallest_way(const std::vector<StoringWay> &ways);

struct SpentBudget {
    std::vector<size_t> ways;  // the way of each thing
    uint64_t bytes = 0;
    double loss = 0;
    double bound = 0;  // no choice that fits loses less
};

// Each thing has at least one way.  The loss exceeds the bound by no more than what a single step
// of one thing from one way to a better one saves.  Nothing if the budget holds no choice.
std::optional<SpentBudget> spend_budget(const std::vector<std::vector<StoringWay>> &things,
                                        uint64_t budget);

}  // namespace densq::tool
