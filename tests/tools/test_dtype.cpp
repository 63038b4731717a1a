// SPDX-License-Identifier: MIT
// Numbers of every dtype of safetensors: their sizes, and the values of floats.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "tools/densq/format/dtype.hpp"

using namespace densq::tool;

namespace {

// The values of the bytes 0x00 to 0x7F as multiples of the smallest one above zero.
constexpr double kE4m3[128] = {
    0,      1,      2,      3,      4,      5,      6,      7,     8,     9,      10,     11,
    12,     13,     14,     15,     16,     18,     20,     22,    24,    26,     28,     30,
    32,     36,     40,     44,     48,     52,     56,     60,    64,    72,     80,     88,
    96,     104,    112,    120,    128,    144,    160,    176,   192,   208,    224,    240,
    256,    288,    320,    352,    384,    416,    448,    480,   512,   576,    640,    704,
    768,    832,    896,    960,    1024,   1152,   1280,   1408,  1536,  1664,   1792,   1920,
    2048,   2304,   2560,   2816,   3072,   3328,   3584,   3840,  4096,  4608,   5120,   5632,
    6144,   6656,   7168,   7680,   8192,   9216,   10240,  11264, 12288, 13312,  14336,  15360,
    16384,  18432,  20480,  22528,  24576,  26624,  28672,  30720, 32768, 36864,  40960,  45056,
    49152,  53248,  57344,  61440,  65536,  73728,  81920,  90112, 98304, 106496, 114688, 122880,
    131072, 147456, 163840, 180224, 196608, 212992, 229376, NAN};
constexpr double kE5m2[128] = {
    0,          1,          2,          3,          4,          5,          6,          7,
    8,          10,         12,         14,         16,         20,         24,         28,
    32,         40,         48,         56,         64,         80,         96,         112,
    128,        160,        192,        224,        256,        320,        384,        448,
    512,        640,        768,        896,        1024,       1280,       1536,       1792,
    2048,       2560,       3072,       3584,       4096,       5120,       6144,       7168,
    8192,       10240,      12288,      14336,      16384,      20480,      24576,      28672,
    32768,      40960,      49152,      57344,      65536,      81920,      98304,      114688,
    131072,     163840,     196608,     229376,     262144,     327680,     393216,     458752,
    524288,     655360,     786432,     917504,     1048576,    1310720,    1572864,    1835008,
    2097152,    2621440,    3145728,    3670016,    4194304,    5242880,    6291456,    7340032,
    8388608,    10485760,   12582912,   14680064,   16777216,   20971520,   25165824,   29360128,
    33554432,   41943040,   50331648,   58720256,   67108864,   83886080,   100663296,  117440512,
    134217728,  167772160,  201326592,  234881024,  268435456,  335544320,  402653184,  469762048,
    536870912,  671088640,  805306368,  939524096,  1073741824, 1342177280, 1610612736, 1879048192,
    2147483648, 2684354560, 3221225472, 3758096384, INFINITY,   NAN,        NAN,        NAN};

template <typename T>
std::vector<float> floats_of(const char *dtype, const std::vector<T> &stored) {
    std::vector<float> values(stored.size());
    std::vector<uint8_t> unaligned(sizeof(T) * stored.size() + 1);
    std::memcpy(unaligned.data() + 1, stored.data(), unaligned.size() - 1);
    read_floats(dtype, unaligned.data() + 1, 0, stored.size(), values.data());
    for (size_t i = 0; i < stored.size(); ++i) {
        float alone;
        read_floats(dtype, unaligned.data() + 1, i, i + 1, &alone);
        CHECK(std::memcmp(&alone, &values[i], sizeof alone) == 0);
    }
    return values;
}

}  // namespace

TEST_CASE("dtype: those of the reference implementation, and their bits") {
    struct Known {
        uint64_t bits;
        bool is_float;
        std::vector<const char *> names;
    };
    for (const auto &[bits, is_float, names] : {
             Known{64, true, {"F64"}},
             Known{32, true, {"F32"}},
             Known{16, true, {"F16", "BF16"}},
             Known{8, true, {"F8_E4M3", "F8_E5M2"}},
             Known{64, false, {"I64", "U64", "C64"}},
             Known{32, false, {"I32", "U32"}},
             Known{16, false, {"I16", "U16"}},
             Known{8, false, {"I8", "U8", "BOOL", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}},
             Known{6, false, {"F6_E2M3", "F6_E3M2"}},
             Known{4, false, {"F4"}},
             Known{0, false, {"F31", "f32", "F32 ", ""}},
         })
        for (const char *name : names) {
            CAPTURE(name);
            CHECK(dtype_bits(name) == bits);
            CHECK(is_float_dtype(name) == is_float);
        }
    CHECK(float_dtypes() == "F64, F32, F16, BF16, F8_E4M3, F8_E5M2");
    float value;
    CHECK_THROWS_AS(read_floats("I8", nullptr, 0, 1, &value), std::logic_error);
    CHECK_THROWS_AS(read_floats("F31", nullptr, 0, 1, &value), std::logic_error);
}

TEST_CASE("dtype: all values of FP8") {
    std::vector<uint8_t> bytes(256);
    for (size_t i = 0; i < 256; ++i) bytes[i] = static_cast<uint8_t>(i);
    for (const auto &[dtype, multiples, smallest] :
         {std::tuple("F8_E4M3", kE4m3, 0x1p-9), {"F8_E5M2", kE5m2, 0x1p-16}}) {
        const std::vector<float> values = floats_of(dtype, bytes);
        for (size_t i = 0; i < 256; ++i) {
            CAPTURE(i);
            const double magnitude = multiples[i % 128] * smallest;
            CHECK(std::isnan(values[i]) == std::isnan(magnitude));
            if (std::isnan(magnitude)) continue;
            CHECK(std::abs(values[i]) == magnitude);
            CHECK(std::signbit(values[i]) == (i >= 128));
        }
    }
}

TEST_CASE("dtype: scales E8M0") {
    const std::vector<float> values =
        floats_of("F8_E8M0", std::vector<uint8_t>{0, 127, 128, 254, 255});
    CHECK(values[0] == 0x1p-127f);
    CHECK(values[1] == 1);
    CHECK(values[2] == 2);
    CHECK(values[3] == 0x1p127f);
    CHECK(std::isnan(values[4]));
}

TEST_CASE("dtype: F64") {
    const float largest = std::numeric_limits<float>::max();
    const std::vector<float> values = floats_of(
        "F64", std::vector<double>{1.5, -0.1, 1e300, -1e39, 1e-300, NAN, double{largest}});
    CHECK(values[0] == 1.5f);
    CHECK(values[1] == -0.1f);
    CHECK(values[2] == INFINITY);
    CHECK(values[3] == -INFINITY);
    CHECK(values[4] == 0);
    CHECK(std::isnan(values[5]));
    CHECK(values[6] == largest);
}
