// SPDX-License-Identifier: MIT
#include "checkpoint.hpp"

#include <fstream>
#include <sstream>

#include "model_json.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace fs = std::filesystem;

namespace {

// Shard names come from a file: no folders, no way out of this one.
bool is_plain_name(const std::string &name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

}  // namespace

std::string read_text(const fs::path &path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    return text.str();
}

std::string Checkpoint::Entry::describe(const std::string &name) const {
    return file->path.string() + ": tensor '" + name + "'";
}

void Checkpoint::Entry::read_row(uint32_t row, float *out) const {
    const uint64_t cols = tensor->shape[1];
    read_floats(*tensor, row * cols, (row + 1) * cols, out);
}

Checkpoint::Checkpoint(const fs::path &path, const std::vector<std::string> &single_names) {
    if (!fs::exists(path)) throw DataError(path.string() + ": no such file or folder");
    if (!fs::is_directory(path)) {
        if (path.extension() != ".safetensors")
            throw DataError(
                path.string() +
                ": not a .safetensors file; convert checkpoints of other kinds with "
                "safetensors.torch.save_file(torch.load(FILE, weights_only=True), OUT)");
        folder = path.parent_path();
        add_file(path);
        return;
    }
    folder = path;
    std::string looked_for;
    for (const std::string &name : single_names) {
        const fs::path single = path / name, index = path / (name + ".index.json");
        if (fs::exists(single))
            add_file(single);
        else if (fs::exists(index))
            add_shards(index);
        if (!inputs.empty()) return;
        looked_for += (looked_for.empty() ? "" : ", ") + name;
    }
    throw DataError(path.string() + ": has none of " + looked_for + ", and no index of shards");
}

void Checkpoint::add_file(const fs::path &path) {
    files.push_back(std::make_unique<SafeTensors>(path));
    inputs.push_back(path);
    for (const auto &[name, tensor] : files.back()->tensors)
        if (!tensors.emplace(name, Entry{files.back().get(), &tensor}).second)
            throw DataError(path.string() + ": tensor '" + name + "' is in another shard too");
}

void Checkpoint::add_shards(const fs::path &index) {
    std::set<std::string> shards;
    try {
        shards = parse_shard_index(read_text(index));
    } catch (const DataError &error) {
        throw DataError(index.string() + ": " + error.what());
    }
    for (const std::string &shard : shards) {
        if (!is_plain_name(shard))
            throw DataError(index.string() + ": '" + shard + "' is not a plain file name");
        add_file(index.parent_path() / shard);
    }
}

}  // namespace densq::tool
