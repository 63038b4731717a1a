// SPDX-License-Identifier: MIT
// safetensors.hpp - a strict reader of .safetensors files.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dtype.hpp"
#include "mapped_file.hpp"

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
// or overlap, and each takes exactly the bytes that its dtype and shape say.  Of a dtype that is
// not known the size cannot be checked; such a tensor is refused where its values are wanted.
class SafeTensors {
public:
    explicit SafeTensors(const std::filesystem::path &path);

    const std::filesystem::path path;
    std::map<std::string, SafeTensor> tensors;

    // Lets the system take back the pages of a tensor.
    void forget(const SafeTensor &tensor) const;

    // DataError if the file has been cut since it was opened.
    void require_whole() const { file.require_whole(); }

private:
    void read_header();

    const MappedFile file;
};

// Elements [begin, end) of a tensor of floats.
inline void read_floats(const SafeTensor &tensor, uint64_t begin, uint64_t end, float *out) {
    read_floats(tensor.dtype, tensor.data, begin, end, out);
}

inline bool is_float(const SafeTensor &tensor) { return is_float_dtype(tensor.dtype); }

}  // namespace densq::tool
