// SPDX-License-Identifier: MIT
// table.hpp - the contract between the library and the kernels of one instruction set.
//
// A kernel multiplies one tile (16 rows, see densq/layout.h) by a few activation vectors at a time.
// Everything about threads, memory and checking lies above, in lib/; kernels get valid arguments,
// allocate nothing and keep no state.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "densq/layout.h"
#include "kernels/matrix.hpp"
#include "kernels/widths.hpp"

namespace densq {

// A span: columns whose activations have one scale in the fast precision.
constexpr uint32_t kSpanCols = 256;
constexpr uint32_t kSpanUnits = kSpanCols / DENSQ_UNIT_COLS;
static_assert(DENSQ_BLOCK_COLS % kSpanCols == 0 && kSpanCols % DENSQ_UNIT_COLS == 0);
constexpr uint32_t kBlockSpans = DENSQ_BLOCK_COLS / kSpanCols;

// The fast precision's integers.  A 32-bit lane sums at most 16 products of a span and is then
// flushed.  Activations get more bits, as their largest stand further above the rest than those of
// a row's centroids.
constexpr int kFastMaxLut = 4095;
constexpr int kFastMaxActivation = 32767;
static_assert(16ll * kFastMaxLut * kFastMaxActivation < 1ll << 31);

// A lane: the columns of slots 2j and 2j + 1 in all units of a block, or of a tail.  In the int8
// precision, their activations have one scale and their products one sum.
constexpr uint32_t kBlockLanes = DENSQ_UNIT_COLS / 2;
constexpr uint32_t kLaneCols = DENSQ_BLOCK_COLS / kBlockLanes;

// The int8 precision's integers.  An entry is not negative, so that x86 can multiply unsigned bytes
// by signed ones, and so small that a 16-bit sum takes as many products as a code's byte can hold
// more codes.  A LUT of fewer entries needs fewer steps between them.
constexpr int kInt8MaxActivation = 127;
constexpr int int8_max_lut(uint32_t bits) { return bits == 4 ? 127 : bits == 3 ? 63 : 31; }
// How many products of a pair of fields fit in 16 bits.
constexpr int int8_products(uint32_t bits) { return bits == 4 ? 2 : bits == 3 ? 4 : 8; }
constexpr bool int8_products_fit(uint32_t bits) {
    return int8_products(bits) * int8_max_lut(bits) * (kInt8MaxActivation + 1) < 1 << 15;
}
static_assert(int8_products_fit(4) && int8_products_fit(3) && int8_products_fit(2));

// Spans and lanes whose largest |activation| is below this are scaled as if it were this (2^-100).
constexpr float kScaleFloor = 0x1p-100f;

// Rows with more nonzeros than this are left out by multiply_tiles; the library runs them in
// segments of this size through sparse_segment, so that one full row cannot serialise a matmul.
constexpr uint32_t kHeavyRow = 512;

// A few activation vectors (a power of two, at most PrecisionKernels::max_batch), as the caller
// gave them and as `prepare` arranged them.
//
// Columns are padded with zeros to whole units of 32: `blocks` = cols / 512 blocks of 512, then
// the tail of densq_tail_units(cols) units.  `prepared` holds block after block, inside a block
// vector after vector, last the tails vector after vector: elements of int16 (fast), int8 or float
// (exact), in whatever order inside a block or unit the instruction set likes.  `scale` holds the
// factors of the elements, [blocks and tail][count][kBlockLanes] for int8 and [spans][count] for
// fast.  They are so small that sums do not overflow: x ~ element * scale * vector_scale.
// `columns`, for the sparse part, holds the activations as [cols][count]; with one vector that is
// x itself.
struct Activations {
    uint32_t count;
    const float *x;
    size_t x_stride;
    void *prepared;  // 64-byte aligned
    float *scale;
    float *vector_scale;  // [count], powers of two
    float *lane_sums;     // int8: [count][kBlockLanes], of element * scale
    const float *columns;
};

// Fills what `prepare` is said to fill from x.
using PrepareActivations = void (*)(const Activations *activations, uint32_t cols, uint32_t bits);

// Tiles that a kernel multiplies in one call.
struct Tiles {
    uint32_t first, count;    // 1..kMostTiles
    uint32_t prefetch_bytes;  // how far ahead of their use codes are prefetched
};
constexpr uint32_t kMostTiles = 2;

// y[b * y_stride + r] for the rows r of tiles: dense part, and sparse part of rows that are not
// heavy.
using MultiplyTiles = void (*)(const Matrix *matrix, const Activations *activations,
                               const Tiles *tiles, float *y, size_t y_stride);

// How the dense part is computed.
struct PrecisionKernels {
    uint32_t max_batch;      // 1, 2, 4 or 8
    uint32_t element_bytes;  // of Activations::prepared
    uint32_t block_scales;   // elements of Activations::scale for a block of one vector
    PrepareActivations prepare;
    WidthTable<MultiplyTiles> multiply_tiles;

    // sum[b * sum_stride] = the product of nonzeros [begin, end), all of one row.
    void (*sparse_segment)(const Matrix *matrix, const Activations *activations, uint32_t begin,
                           uint32_t end, float *sum, size_t sum_stride);
};

struct KernelTable {
    const char *name;
    uint32_t cpu_features;  // bits of kernels/cpu_features.hpp
    const PrecisionKernels *fast, *exact, *int8;
};

static inline uint32_t span_count(uint32_t cols) {
    return cols / kSpanCols + (cols % kSpanCols != 0);
}

// Padded number of elements that one vector takes in `prepared`.
static inline size_t prepared_cols(uint32_t cols) {
    return (static_cast<size_t>(cols) + DENSQ_UNIT_COLS - 1) / DENSQ_UNIT_COLS * DENSQ_UNIT_COLS;
}

// Blocks of a vector, its tail included.
static inline uint32_t block_count(uint32_t cols) {
    return cols / DENSQ_BLOCK_COLS + (cols % DENSQ_BLOCK_COLS != 0);
}

extern "C" {
// What tables of one name share is compiled once.
extern const PrecisionKernels densq_k_scalar_int8;
extern const PrecisionKernels densq_k_avx2_fast;
extern const PrecisionKernels densq_k_avxvnni_fast;
extern const PrecisionKernels densq_k_avx2_exact;
extern const PrecisionKernels densq_k_avx512_exact;
extern const PrecisionKernels densq_k_avx512vnni_fast;
extern const PrecisionKernels densq_k_neon_exact;

const KernelTable *densq_k_scalar(void);
const KernelTable *densq_k_avx2(void);
const KernelTable *densq_k_avxvnni(void);
const KernelTable *densq_k_avx512(void);
const KernelTable *densq_k_avx512vnni(void);
const KernelTable *densq_k_avx512vbmi(void);
const KernelTable *densq_k_neon(void);
const KernelTable *densq_k_neondot(void);

// CRC-32C of `bytes`, continuing from `crc` (0 at the start), by the instructions of kCpuCrc32c.
uint32_t densq_k_crc32c(uint32_t crc, const void *bytes, size_t size);
}

}  // namespace densq
