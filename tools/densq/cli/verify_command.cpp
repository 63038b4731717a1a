// SPDX-License-Identifier: MIT
// verify_command.cpp - densq verify: the full proof of a file, checksums included.
#include <cstdio>

#include "commands.hpp"
#include "tools/densq/format/file_contents.hpp"

namespace densq::tool {

void verify_command(const std::string &path) {
    // A copy: what is proved is what was read, whoever writes to the file meanwhile.
    const File file = open_file(path, DENSQ_OPEN_COPY);
    std::printf("%s: whole; %u matrices, %u plain tensors, %u metadata entries\n", path.c_str(),
                densq_count(file.get(), DENSQ_MATRIX), densq_count(file.get(), DENSQ_TENSOR),
                densq_count(file.get(), DENSQ_METADATA));
}

}  // namespace densq::tool
