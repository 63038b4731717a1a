// SPDX-License-Identifier: MIT
#include "safetensors.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <tuple>

#include "input_file.hpp"
#include "safetensors_header.hpp"
#include "shape.hpp"
#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr size_t kMaxDtypeBytes = 32;

struct Extent {
    uint64_t begin, end;
    const std::string *name;
};

[[noreturn]] void refuse_tensor(const std::string &name, const std::string &why) {
    throw DataError("tensor '" + printable(name) + "' " + why);
}

// Whether it can be the name of a dtype that was invented later than this program.
bool is_dtype_name(const std::string &dtype) {
    return !dtype.empty() && dtype.size() <= kMaxDtypeBytes &&
           std::all_of(dtype.begin(), dtype.end(), [](unsigned char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
           });
}

void check_size(const std::string &name, const SafeTensor &tensor) {
    const uint64_t known_bits = dtype_bits(tensor.dtype);
    uint64_t bits = known_bits ? known_bits : 1;
    bool fits = true;
    for (const uint64_t dimension : tensor.shape)
        fits = fits && !__builtin_mul_overflow(bits, dimension, &bits);
    if (fits && known_bits) fits = bits % 8 == 0 && bits / 8 == tensor.bytes;
    if (!fits)
        throw DataError("tensor '" + printable(name) + "': " + std::to_string(tensor.bytes) +
                        " bytes do not fit its shape " + tensor.shape_text());
}

// Tensors follow one another from the first byte of the data to the last.
void check_extents(std::vector<Extent> *extents, uint64_t data_bytes) {
    std::sort(extents->begin(), extents->end(), [](const Extent &a, const Extent &b) {
        return std::tie(a.begin, *a.name) < std::tie(b.begin, *b.name);
    });
    Extent before = {0, 0, nullptr};
    for (const Extent &extent : *extents) {
        if (before.name && extent.begin == before.begin)
            refuse_tensor(*extent.name, "overlaps another");
        if (extent.begin != before.end)
            refuse_tensor(*extent.name, "overlaps or leaves a gap to the one before");
        before = extent;
    }
    if (before.end != data_bytes)
        throw DataError(std::to_string(data_bytes - before.end) + " bytes belong to no tensor");
}

}  // namespace

uint64_t SafeTensor::elements() const {
    uint64_t count = 1;
    for (const uint64_t dimension : shape) count *= dimension;
    return count;
}

std::string SafeTensor::shape_text() const {
    return std::string("[").append(tool::shape_text(shape, ", ")).append("]");
}

SafeTensors::SafeTensors(const std::filesystem::path &path_) : path(path_), file(path) {
    try {
        read_header();
    } catch (const DataError &error) {
        throw DataError(path.string() + ": " + error.what());
    }
}

void SafeTensors::read_header() {
    const std::string_view content(reinterpret_cast<const char *>(file.bytes), file.size);
    if (const std::string what = foreign_content(content); !what.empty()) throw DataError(what);
    uint64_t header_bytes;
    if (content.size() < sizeof header_bytes)
        throw DataError("not a safetensors file: fewer than 8 bytes");
    std::memcpy(&header_bytes, content.data(), sizeof header_bytes);
    if (header_bytes > kMaxHeaderBytes || header_bytes > content.size() - 8)
        throw DataError("not a safetensors file, or cut: its header would have " +
                        std::to_string(header_bytes) + " bytes");
    const uint64_t data_bytes = content.size() - 8 - header_bytes;
    const uint8_t *data = file.bytes + 8 + header_bytes;
    std::vector<Extent> extents;
    for (auto &[name, dtype, shape, begin, end] :
         parse_safetensors_header(content.data() + 8, header_bytes)) {
        if (!dtype_bits(dtype) && !is_dtype_name(dtype))
            refuse_tensor(name, "has the unknown dtype '" + printable(dtype) + "'");
        if (begin > end || end > data_bytes)
            refuse_tensor(name, "reaches beyond the file's end; is it cut?");
        const auto &[place, is_new] = tensors.emplace(
            std::move(name),
            SafeTensor{std::move(dtype), std::move(shape), data + begin, end - begin});
        check_size(place->first, place->second);
        if (begin < end) extents.push_back({begin, end, &place->first});
    }
    check_extents(&extents, data_bytes);
}

void SafeTensors::forget(const SafeTensor &tensor) const {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<uintptr_t>(tensor.data) + page - 1) / page * page;
    const auto end = (reinterpret_cast<uintptr_t>(tensor.data) + tensor.bytes) / page * page;
    if (begin < end) madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace densq::tool
