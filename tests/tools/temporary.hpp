// SPDX-License-Identifier: MIT
// temporary.hpp - a folder for the files of one test, and the messages of errors.
#pragma once
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tools/densq/errors.hpp"

namespace densq::test {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "densq-test-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        path = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryFolder(const TemporaryFolder &) = delete;
    TemporaryFolder &operator=(const TemporaryFolder &) = delete;

    ptrdiff_t files() const { return std::distance(std::filesystem::directory_iterator(path), {}); }

    std::filesystem::path path;
};

inline std::filesystem::path write_text(const std::filesystem::path &path,
                                        const std::string &text) {
    std::filesystem::remove(path);  // ext4 waits for the disk where a file is cut and rewritten
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    REQUIRE_MESSAGE(out.good(), path.string());
    return path;
}

inline std::string read_bytes(const std::filesystem::path &path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The bytes of a .safetensors file with this header, whatever is in it.
inline std::string safetensors_bytes(const std::string &header, const std::string &data) {
    const uint64_t size = header.size();
    std::string bytes(sizeof size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes + header + data;
}

// What the call's DataError says; empty if there is none.
template <typename Call>
std::string error_of(const Call &call) {
    try {
        call();
    } catch (const tool::DataError &error) {
        return error.what();
    }
    return "";
}

inline bool contains(const std::string &text, const std::string &part) {
    return text.find(part) != std::string::npos;
}

}  // namespace densq::test
