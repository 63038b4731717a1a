// SPDX-License-Identifier: MIT
// test_same_name.cpp - kernel tables of one name give the same bits, whichever the CPU can run.
#include <doctest/doctest.h>

#include <cstring>

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

TEST_CASE("tables of one name give the same bits") {
    Random random(1);
    const std::vector<const KernelTable *> tables = usable_tables();
    for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
        const RandomMatrix m = make_matrix(37, 2048 + 481, bits, Sparsity::kSome, random);
        const std::vector<float> x = make_activations(m.cols * 7, random);
        for (const KernelTable *a : tables)
            for (const KernelTable *b : tables) {
                if (a == b || std::strcmp(a->name, b->name) != 0) continue;
                CAPTURE(a->name);
                for (const densq_precision precision : {DENSQ_FAST, DENSQ_EXACT}) {
                    const std::vector<float> y =
                        bind_and_multiply(make_backend(a, precision), m.view(), x, 7);
                    const std::vector<float> z =
                        bind_and_multiply(make_backend(b, precision), m.view(), x, 7);
                    CHECK(std::memcmp(y.data(), z.data(), y.size() * sizeof(float)) == 0);
                }
            }
    }
}
