// SPDX-License-Identifier: MIT
// selftest.hpp - products of made-up matrices by backends, against sums in double.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compute_device.hpp"
#include "selftest_reference.hpp"

namespace densq::tool {

struct SelftestBackend {
    std::string name;
    std::shared_ptr<Device> device;
};

struct SelftestPlan {
    std::vector<SelftestBackend> backends;
    std::vector<uint32_t> bits;
    bool quick;  // small shapes only, not those of language models
};

struct SelftestResult {
    std::string backend;
    densq_precision precision;
    uint32_t rows, cols, bits, nnz, batch;
    std::string nonzeros;  // where they are
    densq_dtype x_dtype, y_dtype;
    Comparison comparison;
    bool same_bits;  // as in the largest batch
    bool passed() const { return comparison.wrong == 0 && same_bits; }
    std::string reason() const {  // why not
        return comparison.wrong ? comparison.first_wrong : "other bits than in a larger batch";
    }
};

// All shapes, kinds of sparse parts, batches, and types that the backends have.  `report` gets the
// results of a shape and backend together.
void run_selftest(const SelftestPlan &plan,
                  const std::function<void(const std::vector<SelftestResult> &)> &report);

}  // namespace densq::tool
