// SPDX-License-Identifier: MIT
// The choice of ways against all choices that there are.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tools/densq/quantize/bit_budget.hpp"

using namespace densq::tool;

namespace {

using Things = std::vector<std::vector<StoringWay>>;

// The least loss of all choices that fit; infinite if none does.
double least_loss(const Things &things, uint64_t budget, size_t from = 0) {
    if (from == things.size()) return 0;
    double least = INFINITY;
    for (const StoringWay &way : things[from])
        if (way.bytes <= budget)
            least = std::min(least, way.loss + least_loss(things, budget - way.bytes, from + 1));
    return least;
}

double largest_step(const Things &things) {
    double largest = 0;
    for (const auto &ways : things)
        for (const StoringWay &from : ways)
            for (const StoringWay &to : ways) largest = std::max(largest, from.loss - to.loss);
    return largest;
}

Things random_things(std::mt19937 *random) {
    const auto number = [&](uint32_t below) { return (*random)() % below; };
    Things things(1 + number(5));
    for (auto &ways : things) {
        ways.resize(1 + number(5));
        for (StoringWay &way : ways) way = {1 + number(30), static_cast<double>(number(100))};
    }
    return things;
}

}  // namespace

TEST_CASE("budget: near the best of all choices, and never above the bytes") {
    std::mt19937 random(1);
    int exact = 0, found = 0;
    for (int i = 0; i < 2000; ++i) {
        const Things things = random_things(&random);
        const uint64_t budget = random() % 120;
        const auto spent = spend_budget(things, budget);
        const double least = least_loss(things, budget);
        CHECK(spent.has_value() == std::isfinite(least));
        if (!spent) continue;
        double loss = 0;
        uint64_t bytes = 0;
        REQUIRE(spent->ways.size() == things.size());
        for (size_t thing = 0; thing < things.size(); ++thing) {
            loss += things[thing].at(spent->ways[thing]).loss;
            bytes += things[thing].at(spent->ways[thing]).bytes;
        }
        CHECK(bytes == spent->bytes);
        CHECK(bytes <= budget);
        CHECK(loss == doctest::Approx(spent->loss));
        CHECK(spent->bound <= least + 1e-9);
        CHECK(loss - spent->bound <= largest_step(things) + 1e-9);
        ++found;
        exact += loss < least + 1e-9;
    }
    CHECK(found > 1000);
    CHECK(exact > found * 9 / 10);
}

TEST_CASE("budget: many things are within a thousandth of the bound") {
    std::mt19937 random(2);
    std::lognormal_distribution<double> scale;
    Things things(300);
    uint64_t least = 0, most = 0;
    for (auto &ways : things) {
        const double loss = scale(random);
        for (uint64_t bits = 2; bits <= 4; ++bits)
            ways.push_back({1000 * bits + random() % 300, loss * std::exp2(-2.0 * double(bits))});
        least += ways.front().bytes;
        most += ways.back().bytes;
    }
    for (const uint64_t budget : {least, (least + most) / 2, most - 2000, most}) {
        const auto spent = spend_budget(things, budget);
        REQUIRE(spent);
        CHECK(spent->loss <= spent->bound * 1.001);
    }
    CHECK(!spend_budget(things, least - 1));
    CHECK(spend_budget(things, most)->bytes == most);
}
