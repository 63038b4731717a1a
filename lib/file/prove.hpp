// SPDX-License-Identifier: MIT
// prove.hpp - checks every rule of docs/format.md, so that nothing needs to be checked later.
//
// First the directory, from the header to the last record, then the sections in the order of the
// file.  No step reads what the steps before it have not shown to lie inside the file.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/base/fault.hpp"
#include "lib/file/crc32c.hpp"
#include "lib/file/directory.hpp"
#include "lib/file/sections.hpp"

namespace densq {

// What all steps of the proof need.
struct Proof {
    const uint8_t *bytes;  // 64-byte aligned
    uint64_t size;
    bool skip_checksum;  // of values and sections
    Crc32c crc32c;
    densq_fault *fault;
    Directory directory;

    uint64_t offset_of(const void *at) const;
    Subject subject(densq_kind kind, uint32_t index) const;
};

// The whole proof.  On success *directory points into `bytes`.
densq_status prove(const uint8_t *bytes, size_t size, bool skip_checksum, Crc32c crc32c,
                   Directory *directory, densq_fault *fault);

// The steps of the proof.  prove_header sets proof->directory.
densq_status prove_header(Proof *proof);
densq_status prove_records(const Proof &proof);
densq_status prove_metadata(const Proof &proof, uint32_t index);
densq_status prove_matrix(const Proof &proof, uint32_t index);
densq_status prove_tensor(const Proof &proof, uint32_t index);

// Returns the index of the first byte that is not zero, or `size`.
uint64_t find_nonzero(const uint8_t *bytes, uint64_t size);

// Proves the checksum of a section, unless it is skipped, and the zeros up to the next multiple of
// 64.
densq_status prove_section(const Proof &proof, const Subject &subject, const char *what,
                           const densq_section &section, uint32_t crc);

// Proves that the bits of a codes section that stand for no code are 0.
densq_status prove_codes(const Proof &proof, const Subject &subject,
                         const densq_matrix_record &record, const densq_section &codes);

}  // namespace densq
