/* SPDX-License-Identifier: MIT
 * format.h - the bytes of a densq file, version 1: records, limits, numbers.
 *
 * docs/format.md is the normative text.  With this header a program can read or write the format
 * without linking the library.  All integers and floats are little-endian.  Every `reserved` field
 * is zero. */
#ifndef DENSQ_FORMAT_H
#define DENSQ_FORMAT_H

#include <stdint.h>

/* Its last bytes show whether the file was changed by a program that took it for text. */
#define DENSQ_MAGIC "DENSQ\r\n\x1a" /* 8 bytes, the terminating NUL is not stored */
#define DENSQ_MAGIC_BYTES 8
#define DENSQ_FORMAT_VERSION 1u

#define DENSQ_ALIGNMENT 64u /* every section begins at a multiple of this many bytes */

/* Limits.  With them, every size that is computed from a valid record is below 2^53. */
#define DENSQ_MAX_NAME_BYTES 255u
#define DENSQ_MAX_ENTRIES (1u << 20)   /* entries of each kind */
#define DENSQ_MAX_DIMENSION (1u << 24) /* rows and columns of a matrix */
#define DENSQ_MIN_BITS 2u              /* bits of a code */
#define DENSQ_MAX_BITS 4u
#define DENSQ_MAX_NNZ 0xFFFFFFFFu        /* sparse values of a matrix */
#define DENSQ_MAX_VALUE_BYTES (1u << 28) /* bytes of a metadata value */
#define DENSQ_MAX_TENSOR_DIMENSIONS 4u
#define DENSQ_MAX_TENSOR_ELEMENTS (UINT64_C(1) << 40)
#define DENSQ_MAX_COLS_16 65536u /* matrices with more columns have column indices of 32 bits */

/* The first 128 bytes of the file. */
typedef struct densq_file_header {
    char magic[DENSQ_MAGIC_BYTES];
    uint32_t version;           /* DENSQ_FORMAT_VERSION */
    uint32_t required_features; /* 0, as version 1 has none; a reader refuses unknown bits */
    uint64_t file_bytes;        /* size of the whole file */
    uint32_t metadata_count;
    uint32_t matrix_count;
    uint32_t tensor_count;
    uint32_t name_bytes;    /* size of the names that follow the records */
    uint32_t directory_crc; /* CRC-32C of records and names, without padding */
    uint8_t reserved[80];
    uint32_t header_crc; /* CRC-32C of the 124 bytes before this field */
} densq_file_header;

/* The records follow the header without gaps: those of all metadata, of all matrices, of all
 * tensors.  Each kind is sorted by name (ascending bytes).  Then come the names, in the same order,
 * without separators.  `name_offset` counts from the first byte of the first name. */
typedef struct densq_metadata_record { /* 32 bytes */
    uint32_t name_offset;
    uint32_t name_bytes;
    uint64_t offset; /* where the value begins in the file */
    uint64_t value_bytes;
    uint32_t value_crc;
    uint32_t reserved;
} densq_metadata_record;

typedef struct densq_matrix_record { /* 96 bytes */
    uint32_t name_offset;
    uint32_t name_bytes;
    uint32_t rows;   /* 1..DENSQ_MAX_DIMENSION */
    uint32_t cols;   /* 1..DENSQ_MAX_DIMENSION */
    uint32_t bits;   /* 2, 3 or 4: DENSQ_MIN_BITS..DENSQ_MAX_BITS */
    uint32_t nnz;    /* values in the sparse part */
    uint64_t offset; /* where the first section begins in the file */
    uint64_t bytes;  /* size of all sections with their padding */
    /* CRC-32C of the sections, which follow one another in this order, each padded with zeros to a
     * multiple of DENSQ_ALIGNMENT: */
    uint32_t lut_crc;     /* fp16 lut[rows][2^bits] */
    uint32_t codes_crc;   /* codes, in the tile layout of layout.h */
    uint32_t row_ptr_crc; /* uint32 row_ptr[rows + 1]; absent if nnz is 0 */
    uint32_t col_crc;     /* uint16 (uint32 if cols > 65536) col[nnz] */
    uint32_t val_crc;     /* fp16 val[nnz] */
    uint8_t reserved[36];
} densq_matrix_record;

typedef struct densq_tensor_record { /* 64 bytes */
    uint32_t name_offset;
    uint32_t name_bytes;
    uint32_t dtype;                              /* densq_dtype of densq.h */
    uint32_t dimensions;                         /* 0..4 */
    uint32_t shape[DENSQ_MAX_TENSOR_DIMENSIONS]; /* row-major, each >= 1; unused ones are 0 */
    uint64_t offset;                             /* where the values begin in the file */
    uint64_t bytes;                              /* size of the values, without padding */
    uint32_t crc;
    uint8_t reserved[12];
} densq_tensor_record;

#endif /* DENSQ_FORMAT_H */
