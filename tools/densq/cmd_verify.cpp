// SPDX-License-Identifier: MIT
// cmd_verify.cpp - densq verify: the full proof of a file, checksums included.
#include <cstdio>
#include <memory>

#include "commands.hpp"
#include "entries.hpp"

namespace densq::tool {

void add_verify(CLI::App &app) {
    auto path = std::make_shared<std::string>();
    CLI::App *command =
        app.add_subcommand("verify", "Prove that a densq file is whole and keeps every rule");
    command->add_option("FILE", *path, "a densq file")->required();
    command->footer("Checks all sizes, offsets, indices, padding, floats and CRC-32C checksums.\n"
                    "Exits with 1 and says what is wrong, and where, at the first fault.");
    command->callback([path] {
        // A copy: what is proved is what was read, whoever writes to the file meanwhile.
        const File file = open_file(*path, DENSQ_OPEN_COPY);
        std::printf("%s: whole; %u matrices, %u plain tensors, %u metadata entries\n",
                    path->c_str(), densq_count(file.get(), DENSQ_MATRIX),
                    densq_count(file.get(), DENSQ_TENSOR), densq_count(file.get(), DENSQ_METADATA));
    });
}

}  // namespace densq::tool
