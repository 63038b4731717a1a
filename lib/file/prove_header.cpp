// SPDX-License-Identifier: MIT
// prove_header.cpp - the header, and that the directory it describes lies inside the file.
#include <string.h>

#include "lib/base/checked.hpp"
#include "lib/file/prove.hpp"

namespace densq {
namespace {

static_assert(sizeof(densq_file_header) == 128 && sizeof(densq_metadata_record) == 32 &&
              sizeof(densq_matrix_record) == 96 && sizeof(densq_tensor_record) == 64);

densq_status prove_magic(const Proof &proof) {
    constexpr uint64_t kHeader = sizeof(densq_file_header);
    if (!proof.size) return fail(proof.fault, DENSQ_ERR_MAGIC, 0, "the file is empty");
    const uint64_t magic = proof.size < DENSQ_MAGIC_BYTES ? proof.size : DENSQ_MAGIC_BYTES;
    if (memcmp(proof.bytes, DENSQ_MAGIC, static_cast<size_t>(magic)) != 0)
        return fail(proof.fault, DENSQ_ERR_MAGIC, 0,
                    "the file does not begin with the magic of densq files");
    if (proof.size < kHeader)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.size,
                    "the file is cut off: it ends after ", proof.size,
                    " bytes, inside its header of ", kHeader);
    return DENSQ_OK;
}

// This is proved before the checksum of the header, so that a file of a later version gets a
// message that helps.
densq_status prove_version(const Proof &proof, const densq_file_header &header) {
    if (header.version != DENSQ_FORMAT_VERSION)
        return fail(proof.fault, DENSQ_ERR_VERSION, proof.offset_of(&header.version),
                    "the file has format version ", header.version, ", this library reads version ",
                    DENSQ_FORMAT_VERSION);
    if (header.required_features)
        return fail(proof.fault, DENSQ_ERR_VERSION, proof.offset_of(&header.required_features),
                    "the file requires features ", Hex{header.required_features},
                    " that this library does not have");
    return DENSQ_OK;
}

densq_status prove_size(const Proof &proof, const densq_file_header &header) {
    if (proof.size < header.file_bytes)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.size, "the file is cut off: ", proof.size,
                    " of ", header.file_bytes, " bytes are there");
    if (proof.size > header.file_bytes)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, header.file_bytes, "the file has ", proof.size,
                    " bytes, its header says ", header.file_bytes);
    return DENSQ_OK;
}

densq_status prove_fields(const Proof &proof, const densq_file_header &header) {
    const uint64_t at = find_nonzero(header.reserved, sizeof header.reserved);
    if (at != sizeof header.reserved)
        return fail(proof.fault, DENSQ_ERR_CORRUPT, proof.offset_of(header.reserved + at),
                    "header: a reserved byte is not zero");
    const uint32_t *const counts[] = {&header.metadata_count, &header.matrix_count,
                                      &header.tensor_count};
    constexpr const char *kFields[] = {"metadata_count", "matrix_count", "tensor_count"};
    for (int i = 0; i < 3; ++i)
        if (*counts[i] > DENSQ_MAX_ENTRIES)
            return fail(proof.fault, DENSQ_ERR_LIMIT, proof.offset_of(counts[i]),
                        "header: ", kFields[i], " is ", *counts[i], ", the limit is ",
                        DENSQ_MAX_ENTRIES);
    return DENSQ_OK;
}

// Proves that the directory lies inside the file, and its checksum; sets proof->directory.
densq_status prove_directory(Proof *proof, const densq_file_header &header) {
    constexpr uint64_t kBegin = sizeof header;
    uint64_t end = kBegin;
    end = checked_add(end, checked_mul(header.metadata_count, sizeof(densq_metadata_record)));
    end = checked_add(end, checked_mul(header.matrix_count, sizeof(densq_matrix_record)));
    end = checked_add(end, checked_mul(header.tensor_count, sizeof(densq_tensor_record)));
    end = checked_add(end, header.name_bytes);
    const uint64_t padded = checked_align(end, DENSQ_ALIGNMENT);
    if (padded > proof->size)
        return fail(proof->fault, DENSQ_ERR_CORRUPT, proof->size, "directory: it takes ", padded,
                    " bytes of a file of ", proof->size);
    const uint32_t crc = proof->crc32c(0, proof->bytes + kBegin, static_cast<size_t>(end - kBegin));
    if (crc != header.directory_crc)
        return fail(proof->fault, DENSQ_ERR_CHECKSUM, kBegin, "directory: its CRC-32C is ",
                    Hex{crc}, ", the file states ", Hex{header.directory_crc}, ": it is damaged");
    const uint64_t at = find_nonzero(proof->bytes + end, padded - end);
    if (at != padded - end)
        return fail(proof->fault, DENSQ_ERR_CORRUPT, end + at,
                    "directory: the padding behind the names is not zero");

    Directory &directory = proof->directory;
    directory.header = &header;
    directory.metadata = reinterpret_cast<const densq_metadata_record *>(&header + 1);
    directory.matrices =
        reinterpret_cast<const densq_matrix_record *>(directory.metadata + header.metadata_count);
    directory.tensors =
        reinterpret_cast<const densq_tensor_record *>(directory.matrices + header.matrix_count);
    directory.names = reinterpret_cast<const char *>(directory.tensors + header.tensor_count);
    return DENSQ_OK;
}

}  // namespace

densq_status prove_header(Proof *proof) {
    densq_status status = prove_magic(*proof);
    if (status) return status;
    const auto &header = *reinterpret_cast<const densq_file_header *>(proof->bytes);
    status = prove_version(*proof, header);
    if (status) return status;
    const uint32_t crc = proof->crc32c(0, &header, sizeof header - sizeof header.header_crc);
    if (crc != header.header_crc)
        return fail(proof->fault, DENSQ_ERR_CHECKSUM, 0, "header: its CRC-32C is ", Hex{crc},
                    ", the file states ", Hex{header.header_crc}, ": it is damaged");
    status = prove_size(*proof, header);
    if (!status) status = prove_fields(*proof, header);
    if (!status) status = prove_directory(proof, header);
    return status;
}

}  // namespace densq
