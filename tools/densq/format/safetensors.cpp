// SPDX-License-Identifier: MIT
#include "safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "densq/half.h"
#include "model_json.hpp"
#include "shape.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation

// The number of bits of an element; 0 for an unknown dtype.
uint64_t dtype_bits(const std::string &dtype) {
    static const std::map<std::string, uint64_t> bits = {
        {"F64", 64},    {"I64", 64},    {"U64", 64},  {"F32", 32}, {"I32", 32},
        {"U32", 32},    {"F16", 16},    {"BF16", 16}, {"I16", 16}, {"U16", 16},
        {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"I8", 8},    {"U8", 8},   {"BOOL", 8}};
    const auto found = bits.find(dtype);
    return found == bits.end() ? 0 : found->second;
}

// elements * bits / 8, or false if it overflows or is no whole number.
bool tensor_bytes(const SafeTensor &tensor, uint64_t *bytes) {
    uint64_t bits = dtype_bits(tensor.dtype);
    for (const uint64_t dimension : tensor.shape)
        if (__builtin_mul_overflow(bits, dimension, &bits)) return false;
    *bytes = bits / 8;
    return bits % 8 == 0;
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

void SafeTensors::fail(const std::string &what) const {
    throw DataError(path.string() + ": " + what);
}

SafeTensors::SafeTensors(const std::filesystem::path &file) : path(file) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(std::string("cannot open: ") + std::strerror(errno));
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) size = static_cast<uint64_t>(info.st_size);
    void *at = size ? mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (size < 8) fail("not a safetensors file: fewer than 8 bytes, or not a regular file");
    if (at == MAP_FAILED) fail(std::string("cannot map: ") + std::strerror(errno));
    bytes = static_cast<const uint8_t *>(at);
    try {
        read_header();
    } catch (const DataError &error) {
        munmap(at, size);
        fail(error.what());
    }
}

SafeTensors::~SafeTensors() { munmap(const_cast<uint8_t *>(bytes), size); }

void SafeTensors::read_header() {
    uint64_t header_bytes;
    std::memcpy(&header_bytes, bytes, sizeof header_bytes);
    if (header_bytes > kMaxHeaderBytes || header_bytes > size - 8)
        throw DataError("not a safetensors file, or cut: its header would have " +
                        std::to_string(header_bytes) + " bytes");
    const uint64_t data_bytes = size - 8 - header_bytes;
    std::map<uint64_t, std::pair<uint64_t, std::string>> extents;  // end, name by begin
    const uint8_t *data = bytes + 8 + header_bytes;
    const auto *header = reinterpret_cast<const char *>(bytes) + 8;
    for (auto &[name, dtype, shape, begin, end] : parse_safetensors_header(header, header_bytes)) {
        SafeTensor tensor = {dtype, shape, nullptr, 0};
        if (!dtype_bits(tensor.dtype))
            throw DataError("tensor '" + name + "' has the unknown dtype '" + tensor.dtype + "'");
        if (begin > end || end > data_bytes)
            throw DataError("tensor '" + name + "' reaches beyond the file's end; is it cut?");
        if (!tensor_bytes(tensor, &tensor.bytes) || tensor.bytes != end - begin)
            throw DataError("tensor '" + name + "': " + std::to_string(end - begin) +
                            " bytes do not fit its shape " + tensor.shape_text());
        tensor.data = data + begin;
        if (tensor.bytes && !extents.emplace(begin, std::pair(end, name)).second)
            throw DataError("tensor '" + name + "' overlaps another");
        tensors.emplace(name, std::move(tensor));
    }
    uint64_t position = 0;
    for (const auto &[begin, extent] : extents) {
        if (begin != position)
            throw DataError("tensor '" + extent.second +
                            "' overlaps or leaves a gap to the one before");
        position = extent.first;
    }
    if (position != data_bytes)
        throw DataError(std::to_string(data_bytes - position) + " bytes belong to no tensor");
}

void SafeTensors::forget(const SafeTensor &tensor) const {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<uintptr_t>(tensor.data) + page - 1) / page * page;
    const auto end = (reinterpret_cast<uintptr_t>(tensor.data) + tensor.bytes) / page * page;
    if (begin < end) madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

namespace {

template <typename Convert>
void convert(const uint8_t *halves, uint64_t count, float *out, Convert to_float) {
    for (uint64_t i = 0; i < count; ++i) {
        uint16_t half;
        std::memcpy(&half, halves + 2 * i, sizeof half);
        out[i] = to_float(half);
    }
}

}  // namespace

void read_floats(const SafeTensor &tensor, uint64_t begin, uint64_t end, float *out) {
    if (tensor.dtype == "F32") {
        std::memcpy(out, tensor.data + 4 * begin, 4 * (end - begin));
        return;
    }
    const uint8_t *at = tensor.data + 2 * begin;
    const uint64_t count = end - begin;
    if (tensor.dtype == "BF16")
        convert(at, count, out, [](uint16_t half) { return densq_bf16_to_f32(half); });
    else
        convert(at, count, out, [](uint16_t half) { return densq_f16_to_f32(half); });
}

}  // namespace densq::tool
