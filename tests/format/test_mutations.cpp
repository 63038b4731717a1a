// SPDX-License-Identifier: MIT
// test_mutations.cpp - damaged files: detected with checksums, harmless without.
//
// Files lie between pages that must not be touched, and are borrowed, not copied.
#include "lib/cpu/cpu_backend.hpp"
#include "lib/cpu/registry.hpp"
#include "lib/file/file.hpp"
#include "lib/file/prove.hpp"
#include "tests/support/opened_files.hpp"

using namespace densq;
using namespace densq::test;

namespace {

constexpr size_t kHeader = sizeof(densq_file_header);

// Makes the checksums of header and directory right, so that the proof goes on behind them.  The
// directory's size is that of the undamaged file.
void repair(uint8_t *bytes, size_t directory_size) {
    constexpr size_t kHeaderCrc = offsetof(densq_file_header, header_crc);
    uint32_t crc = crc32c_software(0, bytes + kHeader, directory_size);
    std::memcpy(bytes + offsetof(densq_file_header, directory_crc), &crc, sizeof crc);
    crc = crc32c_software(0, bytes, kHeaderCrc);
    std::memcpy(bytes + kHeaderCrc, &crc, sizeof crc);
}

size_t directory_size(const std::vector<uint8_t> &file) {
    densq_file_header header;
    std::memcpy(&header, file.data(), sizeof header);
    return header.metadata_count * sizeof(densq_metadata_record) +
           header.matrix_count * sizeof(densq_matrix_record) +
           header.tensor_count * sizeof(densq_tensor_record) + header.name_bytes;
}

// Multiplies every matrix by a vector of ones.
void multiply_all(const densq_file *file) {
    static const CpuBackend backend = [] {
        densq_backend_options options = {};
        options.precision = DENSQ_EXACT;
        CpuBackend made;
        require_ok(make_cpu_backend(&made, usable_table(0), options, default_allocator(), nullptr));
        return made;
    }();
    for (uint32_t i = 0; i < densq_count(file, DENSQ_MATRIX); ++i) {
        const densq_matrix matrix = get_matrix(file, i);
        densq_weights *weights = nullptr;
        require_ok(densq_bind(&weights, &backend, file, i, nullptr));
        const std::vector<float> x(matrix.cols, 1.0f);
        std::vector<float> y(matrix.rows);
        std::vector<uint8_t> workspace(densq_workspace_size(weights, 1));
        require_ok(
            densq_matmul(weights, 1, x.data(), 0, y.data(), 0, workspace.data(), workspace.size()));
        densq_unbind(&weights);
        for (const float value : y)
            if (!std::isfinite(value)) FAIL("a product is not finite");
    }
}

// Proves bytes where they lie, then uses them as an open file would be.  Not through
// densq_open_memory, which asks the CPU for its features each time: slow in virtual machines.
bool accepts(uint8_t *bytes, size_t size, bool skip_checksum) {
    densq_fault fault = {};
    densq_file file = {default_allocator(), {bytes, size, Storage::kBorrowed}, {}};
    if (prove(bytes, size, skip_checksum, crc32c_software, &file.directory, &fault)) {
        if (!fault.text[0]) FAIL("a fault without text");
        return false;
    }
    use_everything(&file);
    multiply_all(&file);
    return true;
}

// Opens the file with each byte changed to each of values(byte).
template <typename Values>
void change_every_byte(const std::string &path, Values values) {
    const std::vector<uint8_t> good = read_file(path);
    const size_t directory = directory_size(good);
    for (const Side side : {Side::kEnd, Side::kBegin}) {
        Guarded<uint8_t> guarded(good, side);
        uint8_t *bytes = guarded.data();
        REQUIRE(accepts(bytes, good.size(), false));
        size_t undetected = 0, harmless = 0;
        for (size_t at = 0; at < good.size(); ++at)
            for (const uint8_t value : values(good[at])) {
                bytes[at] = value;
                undetected += accepts(bytes, good.size(), false);
                repair(bytes, directory);
                harmless += accepts(bytes, good.size(), true);
                bytes[at] = good[at];
                std::memcpy(bytes, good.data(), kHeader);
            }
        CHECK(undetected == 0);
        CHECK(harmless > 0);  // such as another code, or another letter of a name
    }
}

}  // namespace

TEST_CASE("every byte changed to every other value") {
    change_every_byte(kErrors + "good.densq", [](uint8_t byte) {
        std::vector<uint8_t> values;
        for (unsigned value = 0; value < 256; ++value)
            if (value != byte) values.push_back(static_cast<uint8_t>(value));
        return values;
    });
}

TEST_CASE("every byte of a larger file with each bit flipped, counted up and down, 0 and 255") {
    change_every_byte(kGolden + "small.densq", [](uint8_t byte) {
        std::vector<uint8_t> values;
        const auto add = [&](unsigned value) {
            if (static_cast<uint8_t>(value) != byte) values.push_back(static_cast<uint8_t>(value));
        };
        for (unsigned bit = 0; bit < 8; ++bit) add(byte ^ 1u << bit);
        for (const unsigned value : {byte + 1u, byte - 1u, 0u, 255u}) add(value);
        return values;
    });
}

TEST_CASE("every truncation") {
    for (const char *name : {"empty.densq", "plain.densq", "small.densq"}) {
        const std::vector<uint8_t> good = read_file(kGolden + name);
        const size_t directory = directory_size(good);
        size_t undetected = 0, opened = 0;
        for (size_t size = 0; size < good.size(); ++size) {
            Guarded<uint8_t> bytes({good.begin(), good.begin() + static_cast<long>(size)},
                                   Side::kEnd);
            const bool aligned = size % DENSQ_ALIGNMENT == 0;
            undetected += open_bytes(bytes.data(), size, DENSQ_OPEN_COPY).status == DENSQ_OK;
            if (aligned) undetected += accepts(bytes.data(), size, false);
            if (size < kHeader + directory) continue;
            // The same with a header that agrees with the size.
            std::memcpy(bytes.data() + offsetof(densq_file_header, file_bytes), &size, sizeof size);
            repair(bytes.data(), directory);
            opened += open_bytes(bytes.data(), size, DENSQ_OPEN_COPY).status == DENSQ_OK;
            if (aligned) opened += accepts(bytes.data(), size, true);
        }
        CHECK(undetected == 0);
        CHECK(opened == 0);
    }
}

TEST_CASE("numbers at the edges of their types in every word of header and directory") {
    const std::vector<uint8_t> good = read_file(kErrors + "good.densq");
    const size_t directory = directory_size(good), end = kHeader + directory;
    Guarded<uint8_t> bytes(good, Side::kEnd);
    const uint64_t values[] = {0,
                               1,
                               2,
                               0x7FFFFFFF,
                               0x80000000,
                               0x80000001,
                               0xFFFFFFFE,
                               0xFFFFFFFF,
                               0x100000000,
                               0x7FFFFFFFFFFFFFFF,
                               0x8000000000000000,
                               0xFFFFFFFFFFFFFFC0,
                               0xFFFFFFFFFFFFFFFF};
    size_t harmless = 0;
    for (size_t at = 0; at + 8 <= end; at += 4)
        for (const uint64_t value : values)
            for (const size_t width : {size_t{4}, size_t{8}}) {
                std::memcpy(bytes.data() + at, &value, width);
                repair(bytes.data(), directory);
                harmless += accepts(bytes.data(), good.size(), true);
                std::memcpy(bytes.data(), good.data(), end);
            }
    CHECK(harmless > 0);
    CHECK(accepts(bytes.data(), good.size(), false));
}
