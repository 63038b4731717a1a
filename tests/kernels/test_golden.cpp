// SPDX-License-Identifier: MIT
// test_golden.cpp - every kernel table gives the bits that it has always given, by whichever
// compiler, on whichever CPU, natively or emulated.
#include <doctest/doctest.h>

#include <cstring>

#include "lib/file/crc32c.hpp"

#include "guarded_multiply.hpp"

using namespace densq;
using namespace densq::test;

namespace {

constexpr uint32_t kBatch = 5;

struct Golden {
    const char *table;  // nullptr: all of them
    densq_precision precision;
    uint32_t crc[3];  // of the products, at 2, 3 and 4 bits
} constexpr kGolden[] = {
    {nullptr, DENSQ_INT8, {0x54A960D8, 0x519F1AB8, 0xEE39004B}},
    {"scalar", DENSQ_FAST, {0xB3345254, 0xB8CBD23E, 0x243E095A}},
    {"scalar", DENSQ_EXACT, {0xCAFD8592, 0x193FAA18, 0x58DA2C60}},
    {"avx2", DENSQ_FAST, {0x10197335, 0x7705C609, 0x2F786A7B}},
    {"avx2", DENSQ_EXACT, {0x4BB79B80, 0x00CABBC1, 0xDEDC5FA8}},
    {"avx512", DENSQ_FAST, {0x9D72028B, 0x29EE735E, 0x6065B432}},
    {"avx512", DENSQ_EXACT, {0xD9833DDE, 0x3AC03AC5, 0xCFABAA37}},
    {"neon", DENSQ_FAST, {0x96720C01, 0xA593A9FD, 0xD7EE6306}},
    {"neon", DENSQ_EXACT, {0x180C76E7, 0xA32CAE56, 0x8CB9A5B1}},
};

// Multiples of `unit`, as standard distributions differ from library to library.
float random_multiple(Random &random, uint32_t most, float unit) {
    return (static_cast<float>(below(random, 2 * most + 1)) - static_cast<float>(most)) * unit;
}

uint32_t crc_of_products(const KernelTable *table, densq_precision precision, uint32_t bits) {
    Random random(bits);
    RandomMatrix m = make_matrix(37, 2048 + 481, bits, Sparsity::kSome, random);
    for (uint16_t &entry : m.lut) entry = densq_f32_to_f16(random_multiple(random, 500, 0x1p-12f));
    for (uint16_t &value : m.val) value = densq_f32_to_f16(random_multiple(random, 500, 0x1p-9f));
    std::vector<float> x(m.cols * kBatch);
    for (float &value : x)
        value = random_multiple(random, 10000, below(random, 97) ? 0x1p-12f : 0x1p-5f);
    const std::vector<float> y =
        bind_and_multiply(make_backend(table, precision), m.view(), x, kBatch);
    return crc32c_software(0, y.data(), y.size() * sizeof y[0]);
}

const Golden *golden_of(const KernelTable *table, densq_precision precision) {
    for (const Golden &golden : kGolden)
        if (golden.precision == precision &&
            (!golden.table || std::strcmp(golden.table, table->name) == 0))
            return &golden;
    return nullptr;
}

}  // namespace

TEST_CASE("the bits that products have always had") {
    for (const KernelTable *table : usable_tables()) {
        for (const densq_precision precision : kPrecisions) {
            const Golden *golden = golden_of(table, precision);
            REQUIRE(golden);
            for (uint32_t bits = DENSQ_MIN_BITS; bits <= DENSQ_MAX_BITS; ++bits) {
                CAPTURE(table->name);
                CAPTURE(precision);
                CAPTURE(bits);
                CHECK(crc_of_products(table, precision, bits) ==
                      golden->crc[bits - DENSQ_MIN_BITS]);
            }
        }
    }
}
