// SPDX-License-Identifier: MIT
// test_other_work.cpp - what other processes take, and that a disturbed measurement is repeated.
#include <doctest/doctest.h>

#include <vector>

#include "tools/densq/measure/other_work.hpp"

using namespace densq::tool;

TEST_CASE("the CPUs' work is all but idling and waiting") {
    CHECK(*seconds_worked("cpu  100 20 30 5000 700 4 5 41 9 9", 100) == doctest::Approx(2));
    CHECK_FALSE(seconds_worked("cpu0 100 20 30 5000 700 4 5 41 0 0", 100));
    CHECK_FALSE(seconds_worked("cpu 100 20 30", 100));
    CHECK_FALSE(seconds_worked("", 100));
}

TEST_CASE("a share is one") {
    const OtherWork watch;
    if (const auto share = watch.share()) CHECK((*share >= 0 && *share <= 1));
}

namespace {

using Share = std::optional<double>;

// What is kept of attempts that others take these shares of; empty ones are unknown.
std::vector<Share> kept_of(const std::vector<Share> &shares, size_t *attempts) {
    std::vector<Share> kept;
    *attempts = 0;
    repeat_while_disturbed(
        3, [&] { return shares.at((*attempts)++); }, [&](Share share) { kept.push_back(share); });
    return kept;
}

}  // namespace

TEST_CASE("a disturbed measurement is repeated, and the quietest kept") {
    size_t attempts;
    CHECK(kept_of({0.05}, &attempts) == std::vector<Share>{0.05});
    CHECK(attempts == 1);
    CHECK(kept_of({0.3, 0.01}, &attempts) == std::vector<Share>{0.3, 0.01});
    CHECK(attempts == 2);
    CHECK(kept_of({0.3, 0.2, 0.25, 0}, &attempts) == std::vector<Share>{0.3, 0.2});
    CHECK(attempts == 3);
    CHECK(kept_of({Share()}, &attempts) == std::vector<Share>{Share()});
    CHECK(attempts == 1);
}
