// SPDX-License-Identifier: MIT
// prove.cpp - the order of the proof, and what its steps share.
#include "lib/file/prove.hpp"

#include <string.h>

#include "lib/base/checked.hpp"
#include "lib/file/utf8.hpp"

namespace densq {
namespace {

constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

using Step = densq_status (*)(const Proof &proof, uint32_t index);

densq_status prove_each(const Proof &proof, densq_kind kind, Step step) {
    const uint32_t count = count_entries(proof.directory, kind);
    for (uint32_t i = 0; i < count; ++i)
        if (const densq_status status = step(proof, i)) return status;
    return DENSQ_OK;
}

densq_status prove_padding(const Proof &proof, const Subject &subject, const char *what,
                           uint64_t end) {
    const uint64_t padding = checked_align(end, DENSQ_ALIGNMENT) - end;
    const uint64_t at = find_nonzero(proof.bytes + end, padding);
    if (at == padding) return DENSQ_OK;
    return fail(proof.fault, DENSQ_ERR_CORRUPT, end + at, subject, ": the padding behind ", what,
                " is not zero");
}

}  // namespace

uint64_t Proof::offset_of(const void *at) const {
    return static_cast<uint64_t>(static_cast<const uint8_t *>(at) - bytes);
}

Subject Proof::subject(densq_kind kind, uint32_t index) const {
    return Subject{kind, entry_name(directory, kind, index)};
}

uint64_t find_nonzero(const uint8_t *bytes, uint64_t size) {
    uint64_t i = 0;
    while (i < size && !bytes[i]) ++i;
    return i;
}

densq_status prove_section(const Proof &proof, const Subject &subject, const char *what,
                           const densq_section &section, uint32_t crc) {
    if (!proof.skip_checksum) {
        const uint32_t computed =
            proof.crc32c(0, proof.bytes + section.offset, static_cast<size_t>(section.bytes));
        if (computed != crc)
            return fail(proof.fault, DENSQ_ERR_CHECKSUM, section.offset, subject,
                        ": the CRC-32C of ", what, " is ", Hex{computed}, ", the file states ",
                        Hex{crc}, ": it is damaged");
    }
    return prove_padding(proof, subject, what, checked_add(section.offset, section.bytes));
}

densq_status prove_metadata(const Proof &proof, uint32_t index) {
    const densq_metadata_record &record = proof.directory.metadata[index];
    const Subject subject = proof.subject(DENSQ_METADATA, index);
    const densq_status status =
        prove_section(proof, subject, "its value", densq_section{record.offset, record.value_bytes},
                      record.value_crc);
    if (status) return status;
    const auto *text = reinterpret_cast<const char *>(proof.bytes + record.offset);
    const size_t valid = utf8_prefix(text, static_cast<size_t>(record.value_bytes));
    if (valid != record.value_bytes)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, record.offset + valid, subject, ": byte ",
                    valid, " of its value is not UTF-8");
    return DENSQ_OK;
}

densq_status prove_tensor(const Proof &proof, uint32_t index) {
    const densq_tensor_record &record = proof.directory.tensors[index];
    return prove_section(proof, proof.subject(DENSQ_TENSOR, index), "its data",
                         densq_section{record.offset, record.bytes}, record.crc);
}

densq_status prove(const uint8_t *bytes, size_t size, bool skip_checksum, Crc32c crc32c,
                   Directory *directory, densq_fault *fault) {
    if (!kLittleEndian)
        return fail(fault, DENSQ_ERR_UNSUPPORTED, kNoOffset,
                    "densq files are little-endian, this machine is not");
    Proof proof = {bytes, size, skip_checksum, crc32c, fault, {}};
    densq_status status = prove_header(&proof);
    if (!status) status = prove_records(proof);
    if (!status) status = prove_each(proof, DENSQ_METADATA, prove_metadata);
    if (!status) status = prove_each(proof, DENSQ_MATRIX, prove_matrix);
    if (!status) status = prove_each(proof, DENSQ_TENSOR, prove_tensor);
    if (!status) *directory = proof.directory;
    return status;
}

}  // namespace densq
