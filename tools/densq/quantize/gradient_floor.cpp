// SPDX-License-Identifier: MIT
#include "gradient_floor.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace densq::tool {

bool lift_gradients(std::vector<float> *gradients) {
    float largest = 0, smallest = INFINITY;
    size_t zeros = 0;
    for (const float gradient : *gradients) {
        largest = std::max(largest, gradient);
        if (gradient > 0) smallest = std::min(smallest, gradient);
        zeros += !(gradient > 0);
    }
    if (zeros == gradients->size()) return false;
    const float for_zero = std::max(kZeroShare * smallest, FLT_TRUE_MIN);
    const float least = kLeastShare * largest;
    for (float &gradient : *gradients)
        gradient = std::max(gradient > 0 ? gradient : for_zero, least);
    return static_cast<double>(zeros) > kMostlyZero * static_cast<double>(gradients->size());
}

}  // namespace densq::tool
