// SPDX-License-Identifier: MIT
// safetensors.hpp - a strict reader of .safetensors files.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace densq::tool {

struct SafeTensor {
    std::string dtype;  // as in the file: "F32", "BF16", ...
    std::vector<uint64_t> shape;
    const uint8_t *data;
    uint64_t bytes;

    uint64_t elements() const;
    std::string shape_text() const;  // "[4096, 4096]"
};

// A mapped file, proved when it is opened: tensors lie inside it, one after the other without gap
// or overlap, and each takes exactly the bytes that its dtype and shape say.
class SafeTensors {
public:
    explicit SafeTensors(const std::filesystem::path &path);
    ~SafeTensors();
    SafeTensors(const SafeTensors &) = delete;
    SafeTensors &operator=(const SafeTensors &) = delete;

    const std::filesystem::path path;
    std::map<std::string, SafeTensor> tensors;

    // Lets the system take back the pages of a tensor.
    void forget(const SafeTensor &tensor) const;

private:
    void read_header();
    [[noreturn]] void fail(const std::string &what) const;

    const uint8_t *bytes = nullptr;
    uint64_t size = 0;
};

// Elements [begin, end) of an F32, F16 or BF16 tensor as floats.
void read_floats(const SafeTensor &tensor, uint64_t begin, uint64_t end, float *out);

inline bool is_float(const SafeTensor &tensor) {
    return tensor.dtype == "F32" || tensor.dtype == "F16" || tensor.dtype == "BF16";
}

}  // namespace densq::tool
