// SPDX-License-Identifier: MIT
#include "checkpoint.hpp"

#include <set>

#include "input_file.hpp"
#include "model_folder.hpp"
#include "model_json.hpp"
#include "text.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace fs = std::filesystem;

namespace {

constexpr const char *kDownloadAgain =
    "; download the index and all shards again, of the same revision";

// Shard names come from a file: no folders, no way out of this one.
bool is_plain_name(const std::string &name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

std::string count_of(size_t count, const char *noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

std::string Checkpoint::Entry::describe(const std::string &name) const {
    return file->path.string() + ": tensor '" + name + "'";
}

void Checkpoint::Entry::end_reading() const {
    file->require_whole();
    file->forget(*tensor);
}

void Checkpoint::Entry::read(uint64_t begin, uint64_t end, float *out) const {
    read_floats(*tensor, begin, end, out);
    if (scale) scale->apply(begin, end, out);
}

void Checkpoint::Entry::read_row(uint32_t row, float *out) const {
    const uint64_t cols = tensor->shape[1];
    read(row * cols, (row + 1) * cols, out);
}

Checkpoint::Checkpoint(const fs::path &path, const std::vector<std::string> &single_names,
                       Content content) {
    switch (kind_of(path)) {
    case FileKind::absent: throw DataError(path.string() + ": no such file or folder");
    case FileKind::folder:
        folder = path;
        open_folder(single_names);
        break;
    case FileKind::file:
        if (path.extension() != ".safetensors")
            throw DataError(path.string() + ": not a .safetensors file" + advice_for_file(path));
        folder = path.parent_path();
        add_file(path);
    }
    if (content == Content::weights) resolve_quantization();
}

void Checkpoint::open_folder(const std::vector<std::string> &single_names) {
    for (const std::string &name : single_names) {
        const fs::path index = folder / (name + ".index.json");
        if (kind_of(folder / name) != FileKind::absent) {
            add_file(folder / name);
            notice_other_shards(name, {});
            return;
        }
        if (kind_of(index) != FileKind::absent) {
            add_shards(index);
            return;
        }
    }
    throw DataError(folder.string() + ": has none of " + list_names(single_names) +
                    ", and no index of shards" + advice_for_folder(folder, single_names));
}

void Checkpoint::add_file(const fs::path &path) {
    files.push_back(std::make_unique<SafeTensors>(path));
    inputs.push_back(path);
    std::vector<std::string> twice;
    for (const auto &[name, tensor] : files.back()->tensors)
        if (!tensors.emplace(name, Entry{files.back().get(), &tensor}).second)
            twice.push_back(name);
    if (!twice.empty())
        throw DataError(
            path.string() + ": tensor '" + printable(twice[0]) + "' is in another shard too, " +
            tensors.at(twice[0]).file->path.filename().string() +
            (twice.size() > 1 ? " (" + count_of(twice.size(), "such tensor") + ")" : "") +
            kDownloadAgain);
}

void Checkpoint::add_shards(const fs::path &index) {
    const std::optional<std::string> text = read_text(index);
    FileOfTensor index_files;
    try {
        index_files = parse_shard_index(text.value_or(""));
    } catch (const DataError &error) {
        throw DataError(index.string() + ": " + error.what());
    }
    if (index_files.empty())
        throw DataError(index.string() + ": names no shards; download it again");
    open_shards(index, index_files);
    check_index(index, index_files);
    notice_other_shards(index.stem().stem(), index_files);
    inputs.push_back(index);
}

void Checkpoint::open_shards(const fs::path &index, const FileOfTensor &index_files) {
    std::set<std::string> shards;
    for (const auto &[tensor, shard] : index_files)
        if (shards.insert(shard).second && !is_plain_name(shard))
            throw DataError(index.string() + ": '" + printable(shard) +
                            "' is not a plain file name");
    std::vector<std::string> absent;
    for (const std::string &shard : shards)
        if (kind_of(folder / shard) == FileKind::absent) absent.push_back(shard);
    if (!absent.empty())
        throw DataError(index.string() + ": " + std::to_string(absent.size()) + " of its " +
                        count_of(shards.size(), "shard") +
                        " are not in the folder: " + list_names(absent) + "; download them");
    for (const std::string &shard : shards) add_file(folder / shard);
}

// In both directions: what the index names is where it says, and there is nothing else.
void Checkpoint::check_index(const fs::path &index, const FileOfTensor &index_files) const {
    std::vector<std::string> missing, elsewhere, unnamed;
    for (const auto &[name, shard] : index_files) {
        const auto found = tensors.find(name);
        if (found == tensors.end())
            missing.push_back(name);
        else if (found->second.file->path.filename() != shard)
            elsewhere.push_back(name);
    }
    for (const auto &[name, entry] : tensors)
        if (!index_files.contains(name)) unnamed.push_back(name);
    const auto first = [&](const std::vector<std::string> &names) {
        return " (the first: index says " + printable(index_files.at(names[0]));
    };
    if (!missing.empty())
        throw DataError(index.string() + ": names " + count_of(missing.size(), "tensor") +
                        " that no shard has: " + list_names(missing) + first(missing) + ")" +
                        kDownloadAgain);
    if (!elsewhere.empty())
        throw DataError(index.string() + ": names another shard than the one that has them for " +
                        count_of(elsewhere.size(), "tensor") + ": " + list_names(elsewhere) +
                        first(elsewhere) + ", it is in " +
                        tensors.at(elsewhere[0]).file->path.filename().string() + ")" +
                        kDownloadAgain);
    if (!unnamed.empty())
        throw DataError(tensors.at(unnamed[0]).file->path.string() + ": the index does not name " +
                        count_of(unnamed.size(), "tensor") +
                        " that the shards have: " + list_names(unnamed) + kDownloadAgain);
}

void Checkpoint::notice_other_shards(const std::string &single_name,
                                     const FileOfTensor &index_files) {
    std::set<std::string> read;
    for (const auto &[tensor, shard] : index_files) read.insert(shard);
    std::vector<std::string> others;
    for (const std::string &shard : shards_in(folder, single_name))
        if (!read.contains(shard)) others.push_back(shard);
    if (!others.empty())
        notices.push_back(folder.string() + ": not read, since " +
                          (index_files.empty() ? single_name + " is the whole model"
                                               : "the index does not name them") +
                          ": " + list_names(others));
}

}  // namespace densq::tool
