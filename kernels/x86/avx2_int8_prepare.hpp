// SPDX-License-Identifier: MIT
// avx2_int8_prepare.hpp - activations as bytes with a scale for each lane, as avx2_int8.hpp and
// avx512_int8.hpp multiply them.
#pragma once
#include "kernels/prepare_activations.hpp"

#include "avx2_lanes.hpp"
#include "kernels/field_pairs.hpp"

namespace densq {
namespace {

// 32 columns as integers: those of a unit.
struct UnitIntegers {
    __m256i eight[4];
};

// What brings the columns of a unit into the range of the integers.
struct UnitScale {
    __m256 eight[4];

    DENSQ_INLINE explicit UnitScale(__m256 low_lanes, __m256 high_lanes) {
        const __m256i low = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
        const __m256i high = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
        eight[0] = _mm256_permutevar8x32_ps(low_lanes, low);
        eight[1] = _mm256_permutevar8x32_ps(low_lanes, high);
        eight[2] = _mm256_permutevar8x32_ps(high_lanes, low);
        eight[3] = _mm256_permutevar8x32_ps(high_lanes, high);
    }

    // `count` columns, then zeros.
    DENSQ_INLINE UnitIntegers round(const float *x, uint32_t count) const {
        UnitIntegers unit;
        DENSQ_UNROLL
        for (uint32_t i = 0; i < 4; ++i) {
            const __m256 v =
                8 * i < count ? load_first(x + 8 * i, count - 8 * i) : _mm256_setzero_ps();
            unit.eight[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v, eight[i]));
        }
        return unit;
    }
};

static DENSQ_INLINE __m256i magnitude_bits(__m256 v) {
    return _mm256_and_si256(_mm256_castps_si256(v), _mm256_set1_epi32(0x7FFFFFFF));
}

// The larger of each two neighbours in 16 columns; NaN if it is not finite, else at least
// kScaleFloor.
static DENSQ_INLINE __m256 largest_of_lanes(__m256i first, __m256i second) {
    const __m256 a = _mm256_castsi256_ps(first), b = _mm256_castsi256_ps(second);
    const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)));
    const __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
    const __m256i in_halves = _mm256_max_epu32(even, odd);
    const __m256 largest =
        _mm256_castsi256_ps(_mm256_permute4x64_epi64(in_halves, _MM_SHUFFLE(3, 1, 2, 0)));
    const __m256 or_nan = _mm256_add_ps(largest, _mm256_sub_ps(largest, largest));
    return _mm256_max_ps(_mm256_set1_ps(kScaleFloor), or_nan);  // the second one, if it is NaN
}

void find_largest(const float *x, uint32_t count, float *largest) {
    __m256i most[4];  // as integers, NaN is the largest of all magnitudes
    DENSQ_UNROLL
    for (int i = 0; i < 4; ++i) most[i] = _mm256_setzero_si256();
    uint32_t c = 0;
    for (; count - c >= DENSQ_UNIT_COLS; c += DENSQ_UNIT_COLS) {
        DENSQ_UNROLL
        for (uint32_t i = 0; i < 4; ++i)
            most[i] = _mm256_max_epu32(most[i], magnitude_bits(_mm256_loadu_ps(x + c + 8 * i)));
    }
    for (uint32_t i = 0; c < count; ++i, c += 8)
        most[i] = _mm256_max_epu32(most[i], magnitude_bits(load_first(x + c, count - c)));
    _mm256_storeu_ps(largest, largest_of_lanes(most[0], most[1]));
    _mm256_storeu_ps(largest + 8, largest_of_lanes(most[2], most[3]));
}

// A unit of a tail, in the order of columns.  Returns the bytes.
static DENSQ_INLINE __m256i pack_unit(const UnitIntegers &unit) {
    const __m256i words[2] = {_mm256_packs_epi32(unit.eight[0], unit.eight[1]),
                              _mm256_packs_epi32(unit.eight[2], unit.eight[3])};
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(words[0], words[1]),
                                       _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

// 16 columns of each of two units: the low byte of a word has one, the high byte the other.
static DENSQ_INLINE __m256i pack_pair(const __m256i *low_unit, const __m256i *high_unit) {
    __m256i both[2];
    DENSQ_UNROLL
    for (int i = 0; i < 2; ++i)
        both[i] = _mm256_or_si256(
            _mm256_and_si256(low_unit[i], _mm256_set1_epi32(0xFF)),
            _mm256_and_si256(_mm256_slli_epi32(high_unit[i], 8), _mm256_set1_epi32(0xFF00)));
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(both[0], both[1]), _MM_SHUFFLE(3, 1, 2, 0));
}

static DENSQ_INLINE __m256i sum_of_twos(__m256i bytes) {
    return _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
}

// Writes a block of 512 as rows meet it; adds the sums of its lanes to sum[2].
template <int bits, int pair = 0>
static DENSQ_INLINE void quantize_pairs(const float *x, const UnitScale &scale, int8_t *out,
                                        __m256i *sum) {
    const UnitIntegers low = scale.round(x + DENSQ_UNIT_COLS * kLowField<bits, pair>, 32);
    const UnitIntegers high = scale.round(x + DENSQ_UNIT_COLS * kHighField<bits, pair>, 32);
    DENSQ_UNROLL
    for (int h = 0; h < 2; ++h) {
        const __m256i bytes = pack_pair(low.eight + 2 * h, high.eight + 2 * h);
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + 64 * pair + 32 * h), bytes);
        sum[h] =
            _mm256_add_epi32(sum[h], _mm256_madd_epi16(sum_of_twos(bytes), _mm256_set1_epi16(1)));
    }
    if constexpr (pair + 1 < kPairs) quantize_pairs<bits, pair + 1>(x, scale, out, sum);
}

// The same for a tail.
static DENSQ_INLINE void quantize_units(const float *x, uint32_t count, const UnitScale &scale,
                                        int8_t *out, __m256i *sum) {
    for (uint32_t c = 0; c < count; c += DENSQ_UNIT_COLS) {
        const __m256i bytes = pack_unit(scale.round(x + c, count - c));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + c), bytes);
        const __m256i twos = sum_of_twos(bytes);
        sum[0] = _mm256_add_epi32(sum[0], _mm256_cvtepi16_epi32(_mm256_castsi256_si128(twos)));
        sum[1] = _mm256_add_epi32(sum[1], _mm256_cvtepi16_epi32(_mm256_extracti128_si256(twos, 1)));
    }
}

template <int bits>
void quantize_lanes(const float *x, uint32_t count, float divisor, float *scale, int8_t *out,
                    float *lane_sums) {
    const __m256 most = _mm256_set1_ps(kInt8MaxActivation);
    const __m256 least = _mm256_set1_ps(kInt8MaxActivation * divisor);
    __m256 inverse[2], lane_scale[2];
    __m256i sum[2];
    DENSQ_UNROLL
    for (int h = 0; h < 2; ++h) {
        const __m256 largest = _mm256_loadu_ps(scale + 8 * h);
        inverse[h] = _mm256_div_ps(most, largest);
        lane_scale[h] = _mm256_div_ps(largest, least);
        _mm256_storeu_ps(scale + 8 * h, lane_scale[h]);
        sum[h] = _mm256_setzero_si256();
    }
    const UnitScale unit_scale(inverse[0], inverse[1]);
    if (count == DENSQ_BLOCK_COLS)
        quantize_pairs<bits>(x, unit_scale, out, sum);
    else
        quantize_units(x, count, unit_scale, out, sum);
    DENSQ_UNROLL
    for (int h = 0; h < 2; ++h) {
        float *at = lane_sums + 8 * h;
        _mm256_storeu_ps(
            at, _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[h]), lane_scale[h], _mm256_loadu_ps(at)));
    }
}

void prepare_int8(const Activations *activations, uint32_t cols, uint32_t bits) {
    with_width(bits, [=](auto width) {
        prepare_lanes(activations, cols, find_largest, quantize_lanes<width.value>);
    });
}

}  // namespace
}  // namespace densq
