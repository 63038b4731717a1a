// SPDX-License-Identifier: MIT
#include "merge_parts.hpp"

#include <algorithm>
#include <fstream>

#include "file_contents.hpp"
#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

[[noreturn]] void fail_part(const std::filesystem::path &path, const std::string &what) {
    throw DataError(path.string() + ": " + what);
}

void read_part(const std::filesystem::path &path, uint64_t offset, void *data, uint64_t size) {
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    if (!in.read(static_cast<char *>(data), static_cast<std::streamsize>(size)))
        fail_part(path, "cannot be read any more; did it change?");
}

std::vector<uint8_t> read_part(const std::filesystem::path &path, uint64_t offset, uint64_t size) {
    std::vector<uint8_t> bytes(size);
    read_part(path, offset, bytes.data(), size);
    return bytes;
}

std::string layers_text(uint32_t begin, uint32_t end) {
    return "layers " + std::to_string(begin) + ":" + std::to_string(end);
}

}  // namespace

PartsToMerge::PartsToMerge(const std::vector<std::filesystem::path> &paths) {
    for (const auto &path : paths) add_part(path);
    check_ranges();
    check_totals();
}

void PartsToMerge::add_part(const std::filesystem::path &path) {
    FilePlan own = plan_of(open_file(path.string(), 0).get());
    const auto entry = own.metadata.find(kPartKey);
    if (entry == own.metadata.end())
        fail_part(path, std::string("is no part of a model, as it has no ") + kPartKey +
                            "; parts are made with densq quantize --layers");
    Part part = {path, {}, Directory(own)};
    try {
        part.description = parse_part(entry->second);
    } catch (const DataError &error) {
        fail_part(path, error.what());
    }
    // There is one way only to lay out a file, so that just the checksums are not known yet.
    std::vector<densq_matrix_record> &records = part.directory.matrices;
    read_part(path, part.directory.place_of_matrix(0), records.data(),
              records.size() * sizeof records[0]);
    own.metadata.erase(entry);
    if (parts.empty()) {
        plan.metadata = own.metadata;
        fingerprint = part.description.plan;
    }
    check_same_plan(part);
    check_same_metadata(part, own);
    parts.push_back(std::move(part));
    add_entries(parts.size() - 1, own);
}

void PartsToMerge::check_same_plan(const Part &part) const {
    if (parts.empty()) return;
    const PartDescription &first = parts[0].description, &other = part.description;
    if (other.plan != first.plan || other.layers != first.layers ||
        other.matrices != first.matrices || other.tensors != first.tensors)
        fail_part(part.path, "is part of another plan than " + parts[0].path.string() +
                                 ": its model or its options are others");
}

void PartsToMerge::check_same_metadata(const Part &part, const FilePlan &own) const {
    if (own.metadata == plan.metadata) return;
    for (const auto &[key, value] : plan.metadata) {
        const auto found = own.metadata.find(key);
        if (found == own.metadata.end() || found->second != value)
            fail_part(part.path,
                      "its metadata '" + key + "' is not that of " + parts[0].path.string());
    }
    fail_part(part.path, "has metadata that " + parts[0].path.string() + " does not have");
}

void PartsToMerge::add_entries(size_t part, const FilePlan &own) {
    const auto add = [&](const std::string &name, size_t index, uint64_t size) {
        const auto [found, added] = places.try_emplace(name, Place{part, index});
        if (!added)
            fail_part(parts[part].path,
                      "'" + name + "' is in " + parts[found->second.part].path.string() + " too");
        bytes += size;
    };
    size_t index = 0;
    for (const auto &[name, matrix] : own.matrices) {
        add(name, index, parts[part].directory.matrices[index].bytes);
        ++index;
    }
    index = 0;
    for (const auto &[name, tensor] : own.tensors) {
        add(name, index, parts[part].directory.tensors[index].bytes);
        ++index;
    }
    plan.matrices.insert(own.matrices.begin(), own.matrices.end());
    plan.tensors.insert(own.tensors.begin(), own.tensors.end());
}

void PartsToMerge::check_ranges() const {
    std::vector<const Part *> sorted;
    for (const Part &part : parts) sorted.push_back(&part);
    std::sort(sorted.begin(), sorted.end(), [](const Part *a, const Part *b) {
        return a->description.first_layer < b->description.first_layer;
    });
    uint32_t end = 0;
    const Part *before = nullptr;
    const auto refuse_gap = [&](uint32_t next) {
        throw DataError("no part has the " + layers_text(end, next));
    };
    for (const Part *part : sorted) {
        const PartDescription &range = part->description;
        if (range.first_layer < end)
            fail_part(part->path, "its " + layers_text(range.first_layer, range.end_layer) +
                                      " overlap those of " + before->path.string());
        if (range.first_layer > end) refuse_gap(range.first_layer);
        end = range.end_layer;
        before = part;
    }
    if (!parts.empty() && end < parts[0].description.layers)
        refuse_gap(parts[0].description.layers);
}

void PartsToMerge::check_totals() const {
    if (parts.empty()) return;
    const PartDescription &whole = parts[0].description;
    if (plan.matrices.size() != whole.matrices || plan.tensors.size() != whole.tensors)
        throw DataError("the parts have " + std::to_string(plan.matrices.size()) +
                        " matrices and " + std::to_string(plan.tensors.size()) +
                        " plain tensors in all, but the plan has " +
                        std::to_string(whole.matrices) + " and " + std::to_string(whole.tensors));
}

void PartsToMerge::copy_to(FileWriter *writer, const std::function<void(uint64_t)> &done) const {
    for (const auto &[name, matrix] : plan.matrices) {
        const auto &[part, index] = places.at(name);
        const densq_matrix_record &record = parts[part].directory.matrices[index];
        if (!writer->keep_matrix(name))
            writer->copy_matrix(name, record,
                                read_part(parts[part].path, record.offset, record.bytes));
        done(record.bytes);
    }
    for (const auto &[name, tensor] : plan.tensors) {
        const auto &[part, index] = places.at(name);
        const densq_tensor_record &record = parts[part].directory.tensors[index];
        writer->add_tensor(name, read_part(parts[part].path, record.offset, record.bytes).data(),
                           record.bytes);
        done(record.bytes);
    }
}

}  // namespace densq::tool
