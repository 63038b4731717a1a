// SPDX-License-Identifier: MIT
// test_crc32c.cpp - published vectors, and that instruction and table agree.
#include <doctest/doctest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "lib/file/crc32c.hpp"

using namespace densq;

namespace {

std::vector<Crc32c> all_functions() { return {crc32c_software, crc32c_function()}; }

}  // namespace

TEST_CASE("vectors of RFC 3720, B.4, and the check value of the CRC catalogues") {
    const std::vector<uint8_t> zeros(32, 0), ones(32, 0xFF);
    std::vector<uint8_t> up(32), down(32);
    std::iota(up.begin(), up.end(), uint8_t{0});
    std::iota(down.rbegin(), down.rend(), uint8_t{0});
    const uint8_t read_command[48] = {0x01, 0xC0, 0, 0,    0,    0, 0, 0,    0,    0, 0,    0,
                                      0,    0,    0, 0,    0x14, 0, 0, 0,    0,    0, 0x04, 0,
                                      0,    0,    0, 0x14, 0,    0, 0, 0x18, 0x28, 0, 0,    0,
                                      0,    0,    0, 0,    0x02, 0, 0, 0,    0,    0, 0,    0};
    for (const Crc32c crc : all_functions()) {
        CHECK(crc(0, nullptr, 0) == 0);
        CHECK(crc(0, "123456789", 9) == 0xE3069283u);
        CHECK(crc(0, zeros.data(), 32) == 0x8A9136AAu);
        CHECK(crc(0, ones.data(), 32) == 0x62A8AB43u);
        CHECK(crc(0, up.data(), 32) == 0x46DD794Eu);
        CHECK(crc(0, down.data(), 32) == 0x113FDB5Cu);
        CHECK(crc(0, read_command, 48) == 0xD9963A56u);
    }
}

TEST_CASE("every size and alignment, in one piece and in two") {
    std::mt19937 random(1);
    std::vector<uint8_t> bytes(200);
    for (uint8_t &byte : bytes) byte = static_cast<uint8_t>(random());
    for (const Crc32c crc : all_functions())
        for (size_t begin = 0; begin < 16; ++begin)
            for (size_t size = 0; size < 150; ++size) {
                const uint8_t *at = bytes.data() + begin;
                const uint32_t whole = crc32c_software(0, at, size);
                const size_t first = size / 3;
                REQUIRE(crc(0, at, size) == whole);
                REQUIRE(crc(crc(0, at, first), at + first, size - first) == whole);
            }
}
