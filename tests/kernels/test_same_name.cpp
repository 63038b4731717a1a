// SPDX-License-Identifier: MIT
// test_same_name.cpp - kernel tables of one name give the same bits, whichever the CPU can run, and
// in the int8 precision all tables do.
#include <doctest/doctest.h>

#include <cstring>

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

bool same_bits_promised(const KernelTable *a, const KernelTable *b, densq_precision precision) {
    return precision == DENSQ_INT8 || std::strcmp(a->name, b->name) == 0;
}

void check_same_bits(const RandomMatrix &m, const std::vector<float> &x, uint32_t batch) {
    const std::vector<const KernelTable *> tables = usable_tables();
    for (const densq_precision precision : kPrecisions)
        for (size_t i = 0; i < tables.size(); ++i) {
            const std::vector<float> y =
                bind_and_multiply(make_backend(tables[i], precision), m.view(), x, batch);
            for (size_t j = 0; j < i; ++j) {
                if (!same_bits_promised(tables[i], tables[j], precision)) continue;
                CAPTURE(tables[i]->name);
                CAPTURE(tables[j]->name);
                CAPTURE(precision);
                const std::vector<float> z =
                    bind_and_multiply(make_backend(tables[j], precision), m.view(), x, batch);
                CHECK(std::memcmp(y.data(), z.data(), y.size() * sizeof(float)) == 0);
            }
        }
}

}  // namespace

TEST_CASE("the same bits") {
    Random random(1);
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
        for (const Sparsity sparsity : {Sparsity::kSome, Sparsity::kOneRow, Sparsity::kNone}) {
            for (const uint32_t cols : {77u, 2048u + 481u}) {
                const RandomMatrix m = make_matrix(37, cols, bits, sparsity, random);
                check_same_bits(m, make_activations(cols * 13, random), 13);
            }
        }
    }
}

TEST_CASE("the same bits where sums are zero, tiny or huge") {
    Random random(2);
    for (const float scale : {0.0f, 1e-45f, 1e-39f, 1e-35f, 1e-30f, 1e20f, 1e34f}) {
        CAPTURE(scale);
        RandomMatrix m = make_matrix(21, 1024 + 40, 4, Sparsity::kSome, random);
        for (uint32_t k = 0; k < 16; ++k) m.lut[k] = 0;
        for (uint32_t k = 16; k < 32; ++k) m.lut[k] = densq_f32_to_f16(-0.25f);
        std::vector<float> x = make_activations(m.cols * 3, random);
        for (float &value : x) value *= scale;
        check_same_bits(m, x, 3);
    }
}
