// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cfloat>
#include <vector>

#include "tools/densq/quantize/gradient_floor.hpp"

using densq::tool::lift_gradients;

namespace {

void check_lifted(std::vector<float> gradients, const std::vector<float> &expected,
                  bool mostly_zero) {
    CHECK(lift_gradients(&gradients) == mostly_zero);
    CHECK(gradients == expected);
}

}  // namespace

TEST_CASE("gradients: those above zero stay as they are") {
    check_lifted({1, 2e-9f, 5e-12f, 3}, {1, 2e-9f, 5e-12f, 3}, false);
    check_lifted({FLT_TRUE_MIN}, {FLT_TRUE_MIN}, false);
}

TEST_CASE("gradients: a zero counts as a quarter of the row's smallest") {
    check_lifted({1, 0, 8, 0.5f}, {1, 0.125f, 8, 0.5f}, false);
    check_lifted({1, 0, 0, 8}, {1, 0.25f, 0.25f, 8}, false);  // half of them is not most
    check_lifted({0, 0, 8}, {2, 2, 8}, true);
    check_lifted({0, 0, FLT_TRUE_MIN}, {FLT_TRUE_MIN, FLT_TRUE_MIN, FLT_TRUE_MIN}, true);
}

TEST_CASE("gradients: a row of zeros alone stays as it is") {
    check_lifted({0, 0, 0}, {0, 0, 0}, false);
}

TEST_CASE("gradients: none counts less than 2^-40 of the row's largest") {
    check_lifted({1024, 1e-30f, 0x1p-30f, 0x1p-29f}, {1024, 0x1p-30f, 0x1p-30f, 0x1p-29f}, false);
    check_lifted({1024, 1e-30f, 0}, {1024, 0x1p-30f, 0x1p-30f}, false);
}
