// SPDX-License-Identifier: MIT
// check_shapes.cpp - check_shapes FILE: opens a file of formula matrices (make_golden.py) and
// compares all of them with their formulas.
#include "content.hpp"

int main(int argc, char **argv) {
    densq_file *file = nullptr;
    densq_fault fault = {};
    if (argc != 2) return 2;
    if (densq_open_path(&file, argv[1], nullptr, &fault) != DENSQ_OK) {
        std::printf("%s: %s\n", argv[1], fault.text);
        return 1;
    }
    const uint32_t count = densq_count(file, DENSQ_MATRIX);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const std::string difference = densq::test::compare_with_formula(file, i);
        if (difference.empty()) continue;
        std::printf("%s\n", difference.c_str());
        ++wrong;
    }
    densq_close(&file);
    std::printf("%u of %u matrices are right\n", count - wrong, count);
    return wrong || !count;
}
