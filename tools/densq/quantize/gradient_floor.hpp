// SPDX-License-Identifier: MIT
// gradient_floor.hpp - the least that a weight counts beside the others of its row.
//
// Most squared gradients of zero were too small for their dtype.  If they did not count at all, the
// centroids would stand for the few other weights alone, and the result would be worse than without
// gradients: docs/quantization.md has the measurement.
#pragma once
#include <vector>

namespace densq::tool {

constexpr float kZeroShare = 0.25f;        // a zero counts as this part of the row's smallest
constexpr float kLeastShare = 0x1.0p-40f;  // nothing counts less than this part of the largest,
                                           // as k-means sees no less (kmeans.hpp)
constexpr double kMostlyZero = 0.5;        // above this share of zeros a row is mostly zero

// Lifts the gradients of a row to the least that they count; a row of zeros stays as it is.
// Returns whether a part of them was above zero, but most were not.
bool lift_gradients(std::vector<float> *gradients);

}  // namespace densq::tool
