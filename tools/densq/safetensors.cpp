// SPDX-License-Identifier: MIT
#include "safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <nlohmann/json.hpp>

#include "densq/half.h"
#include "shape.hpp"

namespace densq::tool {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr int kMaxDepth = 4;

// Bits of an element; 0: unknown dtype.
uint64_t dtype_bits(const std::string &dtype) {
    static const std::map<std::string, uint64_t> bits = {
        {"F64", 64},    {"I64", 64},    {"U64", 64},  {"F32", 32}, {"I32", 32},
        {"U32", 32},    {"F16", 16},    {"BF16", 16}, {"I16", 16}, {"U16", 16},
        {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"I8", 8},    {"U8", 8},   {"BOOL", 8}};
    const auto found = bits.find(dtype);
    return found == bits.end() ? 0 : found->second;
}

// The header's JSON; duplicate keys and deep nesting, which JSON readers disagree on, are refused.
json parse_header(const char *text, uint64_t size) {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, json::parse_event_t event, json &value) {
        if (depth > kMaxDepth) throw DataError("its header is nested too deeply");
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key &&
            !keys.back().insert(value.get<std::string>()).second)
            throw DataError("its header has the key '" + value.get<std::string>() + "' twice");
        return true;
    };
    return json::parse(text, text + size, check);
}

// Strict, as json's own conversions take -1 for 2^64 - 1, 1.5 for 1 and 1 for a list.
std::vector<uint64_t> parse_sizes(const std::string &name, const json &entry, const char *key) {
    const json &list = entry.at(key);
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), [](const json &size) {
            return size.is_number_unsigned();
        }))
        throw DataError("tensor '" + name + "': its " + key + " is no list of whole numbers");
    return list.get<std::vector<uint64_t>>();
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
    } catch (const json::exception &error) {
        munmap(at, size);
        fail(std::string("its header is not what safetensors prescribes: ") + error.what());
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
    const json header = parse_header(reinterpret_cast<const char *>(bytes) + 8, header_bytes);
    if (!header.is_object()) throw DataError("its header is no JSON object");
    for (const auto &[name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        SafeTensor tensor = {entry.at("dtype").get<std::string>(),
                             parse_sizes(name, entry, "shape"), nullptr, 0};
        const std::vector<uint64_t> offsets = parse_sizes(name, entry, "data_offsets");
        if (offsets.size() != 2)
            throw DataError("tensor '" + name + "': its data_offsets are not two numbers");
        const uint64_t begin = offsets[0], end = offsets[1];
        if (!dtype_bits(tensor.dtype))
            throw DataError("tensor '" + name + "' has the unknown dtype '" + tensor.dtype + "'");
        if (begin > end || end > data_bytes)
            throw DataError("tensor '" + name + "' reaches beyond the file's end; is it cut?");
        if (!tensor_bytes(tensor, &tensor.bytes) || tensor.bytes != end - begin)
            throw DataError("tensor '" + name + "': " + std::to_string(end - begin) +
                            " bytes do not fit its shape " + tensor.shape_text());
        tensor.data = bytes + 8 + header_bytes + begin;
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
