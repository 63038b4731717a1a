/* SPDX-License-Identifier: MIT
 * layout.h - where the sections of a matrix lie, and where the code of (row, col) lies in its codes
 * section.
 *
 * Plain C arithmetic, no linking needed.  The unit of the layout is the group: 512 codes in `bits`
 * lines of 64 bytes.  A line is 32 slots of 16 bits, so that one instruction set reads it whole,
 * another in halves or quarters; a slot holds one code of each of several fields.  Field f, slot s
 * of a group is its code number 32 f + s.  densq_place_field says where the fields lie:
 *
 *   4 bits: field f is bits 4(f%4)..+3 of the slots of line f/4
 *   2 bits: field f is bits 2(f%8)..+1 of the slots of line f/8
 *   3 bits: fields 0..11: bits {0,3,8,11}[f%4]..+2 of the slots of line f/4; the bits 6, 7, 14, 15
 *           that these leave over in lines A, B, C hold fields 12..15, fields 12 and 14 in the
 *           low byte, 13 and 15 in the high byte of a slot:
 *             12, 13: low two bits from bits 6, 7 (14, 15) of A, top bit from bit 6 (14) of B
 *             14, 15: low two bits from bits 6, 7 (14, 15) of C, top bit from bit 7 (15) of B
 *
 * so that at every width the two bytes of a slot look alike.  Rows come in tiles of 16 (the last
 * may have fewer).  A tile holds, one after the other:
 *
 *   for each block of 512 columns: for each row of the tile: one group
 *   the tail: the cols % 512 left-over columns of every row, rounded up to units of 32 codes, unit
 *   after unit and row after row, cut into groups of 16 units; the last group is cut after the
 *   last line that holds a field.
 *
 * Codes that stand for no column, and bits that stand for no code, are 0. */
#ifndef DENSQ_LAYOUT_H
#define DENSQ_LAYOUT_H

#include <stdint.h>

#include "densq/format.h"

#define DENSQ_TILE_ROWS 16u
#define DENSQ_BLOCK_COLS 512u
#define DENSQ_UNIT_COLS 32u
#define DENSQ_GROUP_UNITS 16u
#define DENSQ_LINE_BYTES 64u

/* Marks functions that C++ can evaluate while it compiles. */
#if defined(__cplusplus) && __cplusplus >= 201402L
#define DENSQ_CONSTEXPR constexpr
#else
#define DENSQ_CONSTEXPR
#endif

/* Units of 32 codes that a row's left-over columns take: 0..16. */
static inline uint32_t densq_tail_units(uint32_t cols) {
    return (cols % DENSQ_BLOCK_COLS + DENSQ_UNIT_COLS - 1) / DENSQ_UNIT_COLS;
}

/* Fields of which a line holds whole codes. */
static inline DENSQ_CONSTEXPR uint32_t densq_line_fields(uint32_t bits) {
    return bits == 2 ? 8 : 4;
}

/* Lines of a group of which only the first `units` fields (1..16) are used. */
static inline uint32_t densq_group_lines(uint32_t units, uint32_t bits) {
    const uint32_t per_line = densq_line_fields(bits);
    const uint32_t lines = (units + per_line - 1) / per_line;
    return lines < bits ? lines : bits;
}

/* Bytes of a tile of 1..16 rows. */
static inline uint64_t densq_tile_bytes(uint32_t tile_rows, uint32_t cols, uint32_t bits) {
    const uint64_t blocks = (uint64_t)tile_rows * (cols / DENSQ_BLOCK_COLS);
    const uint32_t units = tile_rows * densq_tail_units(cols);
    const uint64_t lines = (blocks + units / DENSQ_GROUP_UNITS) * bits +
                           densq_group_lines(units % DENSQ_GROUP_UNITS, bits);
    return lines * DENSQ_LINE_BYTES;
}

static inline uint32_t densq_tile_count(uint32_t rows) {
    return rows / DENSQ_TILE_ROWS + (rows % DENSQ_TILE_ROWS != 0);
}

/* Rows of tile number `tile`. */
static inline uint32_t densq_tile_rows(uint32_t rows, uint32_t tile) {
    const uint32_t rest = rows - tile * DENSQ_TILE_ROWS;
    return rest < DENSQ_TILE_ROWS ? rest : DENSQ_TILE_ROWS;
}

/* Bytes of the codes section.  No overflow within the limits of format.h. */
static inline uint64_t densq_codes_bytes(uint32_t rows, uint32_t cols, uint32_t bits) {
    const uint32_t rest = rows % DENSQ_TILE_ROWS;
    const uint64_t full = rows / DENSQ_TILE_ROWS * densq_tile_bytes(DENSQ_TILE_ROWS, cols, bits);
    return full + (rest ? densq_tile_bytes(rest, cols, bits) : 0);
}

/* Where a code lies: the byte offset of its group in the codes section, its number in the group. */
typedef struct densq_code_place {
    uint64_t group;
    uint32_t field; /* 0..15 */
    uint32_t slot;  /* 0..31 */
} densq_code_place;

static inline densq_code_place densq_place_code(uint32_t rows, uint32_t cols, uint32_t bits,
                                                uint32_t row, uint32_t col) {
    const uint32_t tile = row / DENSQ_TILE_ROWS, tile_row = row % DENSQ_TILE_ROWS;
    const uint32_t tile_rows = densq_tile_rows(rows, tile);
    const uint32_t blocks = cols / DENSQ_BLOCK_COLS, block = col / DENSQ_BLOCK_COLS;
    const uint32_t unit = col % DENSQ_BLOCK_COLS / DENSQ_UNIT_COLS;
    const uint64_t base = tile * densq_tile_bytes(DENSQ_TILE_ROWS, cols, bits);
    const uint64_t group_bytes = (uint64_t)bits * DENSQ_LINE_BYTES;
    densq_code_place place;
    place.slot = col % DENSQ_UNIT_COLS;
    if (block < blocks) {
        place.group = base + ((uint64_t)block * tile_rows + tile_row) * group_bytes;
        place.field = unit;
    } else {
        const uint32_t tail = tile_row * densq_tail_units(cols) + unit;
        const uint64_t groups = (uint64_t)blocks * tile_rows + tail / DENSQ_GROUP_UNITS;
        place.group = base + groups * group_bytes;
        place.field = tail % DENSQ_GROUP_UNITS;
    }
    return place;
}

/* The 16-bit slot `slot` of line `line`, as bytes (low byte first). */
static inline uint32_t densq_get_slot(const uint8_t *group, uint32_t line, uint32_t slot) {
    const uint8_t *at = group + line * DENSQ_LINE_BYTES + 2 * slot;
    return at[0] | (uint32_t)at[1] << 8;
}

static inline void densq_or_slot(uint8_t *group, uint32_t line, uint32_t slot, uint32_t value) {
    uint8_t *at = group + line * DENSQ_LINE_BYTES + 2 * slot;
    at[0] = (uint8_t)(at[0] | value);
    at[1] = (uint8_t)(at[1] | value >> 8);
}

/* Where a field lies: the `low_bits` low bits of its codes in the slots of a line from bit
 * `low_shift` on, and the bits above, if there are any, in another line. */
typedef struct densq_field_place {
    uint32_t low_line, low_shift, low_bits;
    uint32_t high_line, high_shift, high_bits; /* high_bits is 0 for fields in one piece */
} densq_field_place;

static inline DENSQ_CONSTEXPR densq_field_place densq_place_field(uint32_t bits, uint32_t field) {
    const uint32_t per_line = densq_line_fields(bits), in_line = field % per_line;
    densq_field_place place = {field / per_line, bits * in_line, bits, 0, 0, 0};
    if (bits != 3) return place;
    if (field < 12) { /* two to a byte, which leaves over its bits 6 and 7 */
        place.low_shift = 3 * (in_line % 2) + 8 * (in_line / 2);
    } else {
        const uint32_t byte = 8 * (field % 2), second = field / 14;
        place.low_line = 2 * second;
        place.low_shift = byte + 6;
        place.low_bits = 2;
        place.high_line = 1;
        place.high_shift = byte + 6 + second;
        place.high_bits = 1;
    }
    return place;
}

/* Reads a code.  `group` points to the group's first byte, all its lines are readable. */
static inline uint32_t densq_get_code(const uint8_t *group, uint32_t bits, uint32_t field,
                                      uint32_t slot) {
    const densq_field_place place = densq_place_field(bits, field);
    const uint32_t low = densq_get_slot(group, place.low_line, slot) >> place.low_shift;
    if (place.high_bits == 0) return low & ((1u << bits) - 1);
    const uint32_t high = densq_get_slot(group, place.high_line, slot) >> place.high_shift;
    return (low & ((1u << place.low_bits) - 1)) | (high & ((1u << place.high_bits) - 1))
                                                      << place.low_bits;
}

/* Writes a code into a group whose bits for it are still 0. */
static inline void densq_put_code(uint8_t *group, uint32_t bits, uint32_t field, uint32_t slot,
                                  uint32_t code) {
    const densq_field_place place = densq_place_field(bits, field);
    const uint32_t low = code & ((1u << place.low_bits) - 1);
    densq_or_slot(group, place.low_line, slot, low << place.low_shift);
    if (place.high_bits != 0)
        densq_or_slot(group, place.high_line, slot, code >> place.low_bits << place.high_shift);
}

/* ---- Sections -------------------------------------------------------------------------------- */

/* The next multiple of DENSQ_ALIGNMENT.  bytes < 2^63. */
static inline uint64_t densq_padded(uint64_t bytes) {
    return (bytes + DENSQ_ALIGNMENT - 1) / DENSQ_ALIGNMENT * DENSQ_ALIGNMENT;
}

/* Bytes of one column index of the sparse part: 2 or 4. */
static inline uint32_t densq_col_bytes(uint32_t cols) { return cols <= DENSQ_MAX_COLS_16 ? 2 : 4; }

typedef struct densq_section {
    uint64_t offset; /* from the first section of the matrix; a multiple of DENSQ_ALIGNMENT */
    uint64_t bytes;  /* without padding; 0: absent */
} densq_section;

/* The sections of a matrix (format.h, densq_matrix_record), in the order of the file. */
typedef struct densq_sections {
    densq_section lut, codes, row_ptr, col, val;
    uint64_t bytes; /* of all with their padding */
} densq_sections;

/* A section at *end, which moves behind its padding. */
static inline densq_section densq_place_section(uint64_t *end, uint64_t bytes) {
    densq_section section;
    section.offset = *end;
    section.bytes = bytes;
    *end = densq_padded(*end + bytes);
    return section;
}

/* A function of the shape alone.  No overflow within the limits of format.h. */
static inline densq_sections densq_place_sections(uint32_t rows, uint32_t cols, uint32_t bits,
                                                  uint32_t nnz) {
    const uint64_t pointers = nnz ? (uint64_t)rows + 1 : 0;
    uint64_t end = 0;
    densq_sections sections;
    sections.lut = densq_place_section(&end, ((uint64_t)rows << bits) * 2);
    sections.codes = densq_place_section(&end, densq_codes_bytes(rows, cols, bits));
    sections.row_ptr = densq_place_section(&end, pointers * 4);
    sections.col = densq_place_section(&end, (uint64_t)nnz * densq_col_bytes(cols));
    sections.val = densq_place_section(&end, (uint64_t)nnz * 2);
    sections.bytes = end;
    return sections;
}

#endif /* DENSQ_LAYOUT_H */
