// SPDX-License-Identifier: MIT
// matrix_image.cpp - writes one-matrix files into memory.
#include "matrix_image.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

#include "densq/densq.h"
#include "densq/format.h"
#include "densq/half.h"
#include "densq/layout.h"

namespace densq::tool {
namespace {

// Makes the file around a matrix: everything but the sections, whose checksums stay as they are.
MatrixImage frame(std::string name, densq_matrix_record record) {
    const size_t directory = sizeof record + name.size();
    MatrixImage image{.name = std::move(name),
                      .rows = record.rows,
                      .cols = record.cols,
                      .bits = record.bits,
                      .nnz = record.nnz,
                      .bytes = {}};
    image.begin = densq_padded(sizeof(densq_file_header) + directory);
    image.end = image.begin + record.bytes;
    image.bytes.resize(image.end);
    record.name_offset = 0;
    record.name_bytes = static_cast<uint32_t>(image.name.size());
    record.offset = image.begin;
    uint8_t *at = image.bytes.data() + sizeof(densq_file_header);
    std::memcpy(at, &record, sizeof record);
    std::memcpy(at + sizeof record, image.name.data(), image.name.size());

    densq_file_header header{};
    std::memcpy(header.magic, DENSQ_MAGIC, DENSQ_MAGIC_BYTES);
    header.version = DENSQ_FORMAT_VERSION;
    header.file_bytes = image.end;
    header.matrix_count = 1;
    header.name_bytes = record.name_bytes;
    header.directory_crc = densq_crc32c(0, at, directory);
    std::memcpy(image.bytes.data(), &header, sizeof header);
    header.header_crc =
        densq_crc32c(0, image.bytes.data(), sizeof header - sizeof header.header_crc);
    std::memcpy(image.bytes.data(), &header, sizeof header);
    return image;
}

using Random = std::mt19937_64;

void fill_weights(uint16_t *weights, size_t count, Random &random) {
    std::normal_distribution<float> weight(0.0f, 0.02f);
    for (size_t i = 0; i < count; ++i) weights[i] = densq_f32_to_f16(weight(random));
}

void fill_codes(uint8_t *codes, uint32_t rows, uint32_t cols, uint32_t bits, Random &random) {
    const size_t group_bytes = bits * DENSQ_LINE_BYTES;
    const uint32_t tail_begin = cols - cols % DENSQ_BLOCK_COLS;
    for (uint32_t row = 0; row < rows; ++row) {
        for (uint32_t col = 0; col < tail_begin; col += DENSQ_BLOCK_COLS) {  // whole groups
            uint8_t *group = codes + densq_place_code(rows, cols, bits, row, col).group;
            for (size_t i = 0; i < group_bytes; i += sizeof(uint64_t)) {
                const uint64_t word = random();
                std::memcpy(group + i, &word, sizeof word);
            }
        }
        for (uint32_t col = tail_begin; col < cols; ++col) {
            const densq_code_place place = densq_place_code(rows, cols, bits, row, col);
            densq_put_code(codes + place.group, bits, place.field, place.slot,
                           static_cast<uint32_t>(random() & ((1u << bits) - 1)));
        }
    }
}

template <typename Column>
void fill_sparse(uint8_t *matrix, const densq_sections &sections, const densq_matrix_record &record,
                 NonzeroPlacement nonzeros, Random &random) {
    auto *row_ptr = reinterpret_cast<uint32_t *>(matrix + sections.row_ptr.offset);
    auto *col = reinterpret_cast<Column *>(matrix + sections.col.offset);
    auto *val = reinterpret_cast<uint16_t *>(matrix + sections.val.offset);
    std::vector<Column> all(record.cols);
    std::iota(all.begin(), all.end(), Column{0});
    for (uint64_t row = 0; row < record.rows; ++row) {
        const uint64_t end = nonzeros == NonzeroPlacement::kFullRows
                                 ? std::min(uint64_t{record.nnz}, record.cols * (row + 1))
                                 : record.nnz * (row + 1) / record.rows;
        row_ptr[row + 1] = static_cast<uint32_t>(end);
        const uint32_t count = row_ptr[row + 1] - row_ptr[row];
        if (nonzeros == NonzeroPlacement::kFullColumns)
            std::copy_n(all.begin(), count, col + row_ptr[row]);
        else  // in ascending order
            std::sample(all.begin(), all.end(), col + row_ptr[row], count, random);
    }
    fill_weights(val, record.nnz, random);
}

}  // namespace

const std::map<std::string, NonzeroPlacement> &nonzero_placements() {
    static const std::map<std::string, NonzeroPlacement> placements = {
        {"even", NonzeroPlacement::kEven},
        {"full-rows", NonzeroPlacement::kFullRows},
        {"full-columns", NonzeroPlacement::kFullColumns}};
    return placements;
}

MatrixImage read_matrix_image(const std::string &path, uint32_t index) {
    std::ifstream file(path, std::ios::binary);
    file.exceptions(std::ios::failbit | std::ios::badbit | std::ios::eofbit);
    const auto read = [&file](uint64_t offset, void *to, size_t size) {
        file.seekg(static_cast<std::streamoff>(offset));
        file.read(static_cast<char *>(to), static_cast<std::streamsize>(size));
    };
    densq_file_header header;
    read(0, &header, sizeof header);
    const uint64_t records = sizeof header + header.metadata_count * sizeof(densq_metadata_record);
    const uint64_t names = records + header.matrix_count * sizeof(densq_matrix_record) +
                           header.tensor_count * sizeof(densq_tensor_record);
    densq_matrix_record record;
    read(records + index * sizeof record, &record, sizeof record);
    std::string name(record.name_bytes, '\0');
    read(names + record.name_offset, name.data(), name.size());
    const uint64_t sections = record.offset;
    MatrixImage image = frame(std::move(name), record);
    read(sections, image.bytes.data() + image.begin, image.end - image.begin);
    return image;
}

MatrixImage make_matrix_image(uint32_t rows, uint32_t cols, uint32_t bits, uint32_t nnz,
                              NonzeroPlacement nonzeros) {
    const densq_sections sections = densq_place_sections(rows, cols, bits, nnz);
    densq_matrix_record record{};
    record.rows = rows;
    record.cols = cols;
    record.bits = bits;
    record.nnz = nnz;
    record.bytes = sections.bytes;
    MatrixImage image = frame("synthetic " + shape_text({rows, cols}, "x"), record);
    uint8_t *matrix = image.bytes.data() + image.begin;
    Random random(rows ^ uint64_t{cols} << 32);
    fill_weights(reinterpret_cast<uint16_t *>(matrix + sections.lut.offset), sections.lut.bytes / 2,
                 random);
    fill_codes(matrix + sections.codes.offset, rows, cols, bits, random);
    if (nnz && densq_col_bytes(cols) == sizeof(uint16_t))
        fill_sparse<uint16_t>(matrix, sections, record, nonzeros, random);
    else if (nnz)
        fill_sparse<uint32_t>(matrix, sections, record, nonzeros, random);
    return image;
}

}  // namespace densq::tool
