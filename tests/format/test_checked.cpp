// SPDX-License-Identifier: MIT
// test_checked.cpp - arithmetic that saturates.
#include <doctest/doctest.h>

#include "lib/base/checked.hpp"

using namespace densq;

TEST_CASE("sums and products that fit") {
    CHECK(checked_add(0, 0) == 0);
    CHECK(checked_add(UINT64_MAX - 2, 1) == UINT64_MAX - 1);
    CHECK(checked_mul(UINT64_MAX - 1, 0) == 0);
    CHECK(checked_mul(0xFFFFFFFF, 0xFFFFFFFF) == 0xFFFFFFFE00000001);
    CHECK(checked_align(0, 64) == 0);
    CHECK(checked_align(1, 64) == 64);
    CHECK(checked_align(64, 64) == 64);
    CHECK(checked_align(65, 64) == 128);
}

TEST_CASE("what does not fit becomes too large, and stays so") {
    CHECK(checked_add(UINT64_MAX, 1) == kTooLarge);
    CHECK(checked_add(1ull << 63, 1ull << 63) == kTooLarge);
    CHECK(checked_mul(1ull << 32, 1ull << 32) == kTooLarge);
    CHECK(checked_mul(kTooLarge, 0) == kTooLarge);
    CHECK(checked_mul(0, kTooLarge) == kTooLarge);
    CHECK(checked_add(kTooLarge, 0) == kTooLarge);
    CHECK(checked_align(kTooLarge, 64) == kTooLarge);
    CHECK(checked_align(UINT64_MAX - 62, 64) == kTooLarge);
    CHECK(checked_align(UINT64_MAX - 127, 64) == UINT64_MAX - 127);
}
