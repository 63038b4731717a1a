// SPDX-License-Identifier: MIT
// Merging parts: the bytes of the file that one run makes, or why these parts make none.
#include <doctest/doctest.h>

#include "tests/tools/made_matrices.hpp"
#include "tests/tools/temporary.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/merge_parts.hpp"

using namespace densq::test;
using namespace densq::tool;

namespace fs = std::filesystem;

namespace {

using Contents = std::map<std::string, QuantizedMatrix>;

// A model of four layers; "l.N" is the matrix of layer N, "n.N" its plain tensor.
struct Model {
    Contents matrices = {{"l.0", make_matrix(18, 700, 3, {0, 5, 699})},
                         {"l.1", make_matrix(2, 40, 4, {})},
                         {"l.2", make_matrix(1, 65537, 2, {3, 65536})},
                         {"l.3", make_matrix(17, 33, 4, {1})}};
    std::map<std::string, std::string> metadata = {{"config.json", "{}"}, {"z", "last"}};
    PartDescription description = {0x0123456789ABCDEF, 0, 4, 4, 4, 4};

    void write(const fs::path &path, uint32_t begin, uint32_t end, bool is_part = true) const {
        FilePlan plan;
        plan.metadata = metadata;
        PartDescription part = description;
        part.first_layer = begin;
        part.end_layer = end;
        if (is_part) plan.metadata[kPartKey] = part_json(part);
        for (const auto &[name, matrix] : matrices)
            if (has(name, begin, end)) {
                plan.matrices[name] = plan_of(matrix);
                plan.tensors["n" + name.substr(1)] = {
                    DENSQ_BF16, {static_cast<uint32_t>(name.back() - '0' + 1)}};
            }
        FileWriter writer(path, plan);
        for (const auto &[name, matrix] : plan.matrices) writer.add_matrix(name, matrices.at(name));
        for (const auto &[name, tensor] : plan.tensors)
            writer.add_tensor(name, "abcdefgh", 2 * tensor.shape[0]);
        writer.finish();
    }

private:
    static bool has(const std::string &name, uint32_t begin, uint32_t end) {
        const auto layer = static_cast<uint32_t>(name.back() - '0');
        return begin <= layer && layer < end;
    }
};

struct Parts {
    // Merges the parts of these names.
    void merge(const std::vector<std::string> &names) {
        std::vector<fs::path> paths;
        for (const std::string &name : names) paths.push_back(folder.path / name);
        const PartsToMerge parts(paths);
        uint64_t bytes = 0;
        FileWriter writer(folder.path / "merged", parts.plan, {parts.fingerprint, false});
        parts.copy_to(&writer, [&](uint64_t added) { bytes += added; });
        writer.finish();
        CHECK(bytes == parts.bytes);
    }

    void refused(const std::vector<std::string> &names, const std::string &part) {
        const std::string message = error_of([&] { merge(names); });
        CHECK_MESSAGE(contains(message, part), message);
        CHECK(!fs::exists(folder.path / "merged"));
    }

    TemporaryFolder folder;
};

}  // namespace

TEST_CASE("merge: parts in any order and of any size are the whole") {
    Parts parts;
    const Model model;
    model.write(parts.folder.path / "whole", 0, 4, false);
    const std::string expected = read_bytes(parts.folder.path / "whole");
    for (uint32_t begin = 0; begin < 4; ++begin)
        for (uint32_t end = begin + 1; end <= 4; ++end)
            model.write(parts.folder.path / (std::to_string(begin) + std::to_string(end)), begin,
                        end);
    for (const std::vector<std::string> &names : std::vector<std::vector<std::string>>{
             {"04"}, {"01", "14"}, {"24", "02"}, {"12", "34", "23", "01"}}) {
        parts.merge(names);
        CHECK(read_bytes(parts.folder.path / "merged") == expected);
    }
    parts.merge({"04"});
    CHECK(PartsToMerge({parts.folder.path / "04"}).fingerprint == 0x0123456789ABCDEF);
}

TEST_CASE("merge: parts that make no whole are named") {
    Parts parts;
    const fs::path &in = parts.folder.path;
    const Model model;
    model.write(in / "01", 0, 1);
    model.write(in / "13", 1, 3);
    model.write(in / "24", 2, 4);
    model.write(in / "34", 3, 4);
    model.write(in / "whole", 0, 4, false);
    parts.refused({"01", "13"}, "no part has the layers 3:4");
    parts.refused({"13", "34"}, "no part has the layers 0:1");
    parts.refused({"01", "34"}, "no part has the layers 1:3");
    parts.refused({"01", "13", "13", "34"}, "13: 'l.1' is in " + (in / "13").string() + " too");
    parts.refused({"01", "13", "24"}, "24: 'l.2' is in " + (in / "13").string() + " too");
    parts.refused({"whole"}, "whole: is no part of a model, as it has no densq.part");
    parts.refused({"01", "none"}, "none': no such file");
    write_text(in / "cut", read_bytes(in / "13").substr(0, 1000));
    parts.refused({"01", "cut", "34"}, "cut: ");
    std::string damaged = read_bytes(in / "13");
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    write_text(in / "damaged", damaged);
    parts.refused({"01", "damaged", "34"}, "damaged: ");

    Model other = model;
    other.description.plan ^= 1;
    other.write(in / "plan", 1, 3);
    parts.refused({"01", "plan", "34"},
                  "plan: is part of another plan than " + (in / "01").string());
    other = model;
    other.description.layers = 5;
    other.write(in / "of", 1, 3);
    parts.refused({"01", "of", "34"}, "of: is part of another plan");
    other = model;
    other.metadata["z"] = "first";
    other.write(in / "value", 1, 3);
    parts.refused({"01", "value", "34"}, "value: its metadata 'z' is not that of ");
    other.metadata.erase("z");
    other.write(in / "less", 1, 3);
    parts.refused({"01", "less", "34"}, "less: its metadata 'z' is not that of ");
    parts.refused({"less", "01", "34"}, "01: has metadata that ");
    other = model;
    other.description.matrices = 5;
    for (const auto &[name, begin] : {std::pair("a", 0), {"b", 2}})
        other.write(in / name, static_cast<uint32_t>(begin), static_cast<uint32_t>(begin) + 2);
    parts.refused({"a", "b"}, "have 4 matrices and 4 plain tensors in all, but the plan has 5");
    other = model;  // two parts that overlap though they share no entry
    other.matrices = {{"l.2", make_matrix(1, 1, 2, {})}};
    other.write(in / "overlap", 0, 3);
    other.matrices = {{"l.1", make_matrix(1, 1, 2, {})}};
    other.write(in / "overlapped", 1, 2);
    parts.refused({"overlap", "overlapped"}, "overlapped: its layers 1:2 overlap those of ");
}

TEST_CASE("merge: a description that cannot be is refused") {
    CHECK(parse_part(part_json({0xFEDCBA9876543210, 2, 4, 4, 1 << 20, 7})).plan ==
          0xFEDCBA9876543210);
    CHECK(parse_part(part_json({1, 2, 4, 5, 6, 7})).end_layer == 4);
    const std::string good = part_json({1, 2, 4, 5, 6, 7});
    CHECK(good == R"({"plan":"0000000000000001","layers":[2,4],"of":5,"matrices":6,"tensors":7})");
    const std::pair<const char *, const char *> changes[] = {
        {"[2,4]", "[4,4]"},
        {"[2,4]", "[2,6]"},
        {"[2,4]", "[2]"},
        {"[2,4]", "[-2,4]"},
        {"[2,4]", "[2.5,4]"},
        {"[2,4]", "2"},
        {":6", ":4294967296"},
        {"0000000000000001", "1"},
        {"0000000000000001", "000000000000000x"},
        {"plan", "plam"},
        {"{", "["}};
    for (const auto &[from, to] : changes) {
        std::string text = good;
        text.replace(text.find(from), std::string(from).size(), to);
        CHECK_MESSAGE(contains(error_of([&] { parse_part(text); }), "densq.part: "), text);
    }
}
