// SPDX-License-Identifier: MIT
#include "file_facts.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <tuple>

#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

// When the file was changed last, in UTC.
std::string modification_time(const std::string &path) {
    struct stat info;
    struct tm utc;
    char text[32] = "";
    if (stat(path.c_str(), &info) == 0 && gmtime_r(&info.st_mtime, &utc))
        std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

class Grouping {
public:
    EntryGroup &group_of(const EntryGroup &entry) {
        const auto [found, added] = places.emplace(
            std::tuple(entry.name, entry.shape, entry.bits, entry.dtype), groups.size());
        if (added) groups.push_back(entry);
        return groups[found->second];
    }

    std::vector<EntryGroup> groups;

private:
    std::map<std::tuple<std::string, std::vector<uint64_t>, uint32_t, std::string>, size_t> places;
};

std::vector<EntryGroup> group_entries(const FileContents &contents) {
    Grouping matrices, tensors;
    for (const MatrixEntry &matrix : contents.matrices) {
        EntryGroup &group = matrices.group_of({.name = without_numbers(matrix.name),
                                               .quantized = true,
                                               .shape = {matrix.rows, matrix.cols},
                                               .bits = matrix.bits,
                                               .dtype = ""});
        ++group.count;
        group.nnz += matrix.nnz;
        group.bytes += matrix.bytes;
        group.elements += matrix.weights();
    }
    for (const TensorEntry &tensor : contents.tensors) {
        EntryGroup &group = tensors.group_of({.name = without_numbers(tensor.name),
                                              .quantized = false,
                                              .shape = tensor.shape,
                                              .bits = 0,
                                              .dtype = tensor.dtype});
        ++group.count;
        group.bytes += tensor.bytes;
        group.elements += tensor.elements();
    }
    std::vector<EntryGroup> groups = std::move(matrices.groups);
    groups.insert(groups.end(), tensors.groups.begin(), tensors.groups.end());
    std::stable_sort(groups.begin(), groups.end(), [](const EntryGroup &a, const EntryGroup &b) {
        return std::tie(b.quantized, a.name) < std::tie(a.quantized, b.name);
    });
    return groups;
}

}  // namespace

std::string without_numbers(const std::string &name) {
    std::string result;
    for (size_t begin = 0; begin <= name.size();) {
        const size_t end = std::min(name.find('.', begin), name.size());
        const std::string part = name.substr(begin, end - begin);
        const bool number =
            !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
        result += (begin > 0 ? "." : "") + (number ? "*" : part);
        begin = end + 1;
    }
    return result;
}

FileFacts gather_facts(const densq_file *file, const std::string &path) {
    FileFacts facts;
    facts.contents = list_contents(file, path);
    facts.groups = group_entries(facts.contents);
    facts.modified = modification_time(path);
    const auto read = [&](const char *key, auto use) {
        const auto text = find_text(file, key);
        if (!text) return;
        try {
            use(*text);
        } catch (const DataError &error) {
            facts.problems.emplace_back(error.what());
        }
    };
    read("config.json", [&](std::string_view text) {
        try {
            facts.architecture = read_architecture(text);
        } catch (const DataError &error) {
            throw DataError(std::string("config.json: ") + error.what());
        }
    });
    read(kToolKey, [&](std::string_view text) { facts.tool = text; });
    read(kOptionsKey, [&](std::string_view text) {
        facts.options = parse_options(text);
        facts.options_json = text;
    });
    read(kChoiceKey, [&](std::string_view text) { facts.choices = parse_choices(text); });
    return facts;
}

}  // namespace densq::tool
