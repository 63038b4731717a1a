// SPDX-License-Identifier: MIT
// Models as files, as folders and as folders of shards.
#include <doctest/doctest.h>

#include "tests/tools/temporary.hpp"
#include "tools/densq/format/checkpoint.hpp"

using namespace densq::test;
using densq::tool::Checkpoint;
using densq::tool::read_text;

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kNames = {"first.safetensors", "second.safetensors"};

// A file with tensors of one byte each.
fs::path write_tensors(const fs::path &path, const std::vector<std::string> &names) {
    std::string header;
    for (size_t i = 0; i < names.size(); ++i)
        header += (header.empty() ? "{\"" : ",\"") + names[i] +
                  R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
                  std::to_string(i + 1) + "]}";
    std::string data;
    for (const std::string &name : names) data += name[0];
    return write_text(path, safetensors_bytes(header + "}", data));
}

std::string names_of(const Checkpoint &checkpoint) {
    std::string names;
    for (const auto &[name, entry] : checkpoint.tensors) {
        names += name;
        CHECK(*entry.tensor->data == static_cast<uint8_t>(name[0]));
        CHECK(&entry.file->tensors.at(name) == entry.tensor);
    }
    return names;
}

std::string open_error(const fs::path &path) {
    return error_of([&] { Checkpoint checkpoint(path, kNames); });
}

std::string index_error(const TemporaryFolder &folder, const std::string &index) {
    const fs::path path = write_text(folder.path / "first.safetensors.index.json", index);
    const std::string message = open_error(folder.path);
    fs::remove(path);
    return message;
}

}  // namespace

TEST_CASE("checkpoint: a file, whatever its name") {
    TemporaryFolder folder;
    const fs::path path = write_tensors(folder.path / "x.safetensors", {"b", "a"});
    const Checkpoint checkpoint(path, kNames);
    CHECK(names_of(checkpoint) == "ab");
    CHECK(checkpoint.folder == folder.path);
    CHECK(checkpoint.inputs == std::vector<fs::path>{path});
}

TEST_CASE("checkpoint: a folder, its preferred file") {
    TemporaryFolder folder;
    write_tensors(folder.path / "second.safetensors", {"s"});
    CHECK(names_of(Checkpoint(folder.path, kNames)) == "s");
    write_tensors(folder.path / "shard", {"x"});
    write_text(folder.path / "first.safetensors.index.json", R"({"weight_map":{"x":"shard"}})");
    CHECK(names_of(Checkpoint(folder.path, kNames)) == "x");
    write_tensors(folder.path / "first.safetensors", {"f"});
    const Checkpoint checkpoint(folder.path, kNames);
    CHECK(names_of(checkpoint) == "f");
    CHECK(checkpoint.folder == folder.path);
}

TEST_CASE("checkpoint: shards") {
    TemporaryFolder folder;
    write_tensors(folder.path / "2.safetensors", {"c", "a"});
    write_tensors(folder.path / "1.safetensors", {"d", "b"});
    write_tensors(folder.path / "unused.safetensors", {"u"});
    write_text(folder.path / "first.safetensors.index.json",
               R"({"metadata":{"total_size":4},"weight_map":{"a":"2.safetensors",)"
               R"("b":"1.safetensors","c":"2.safetensors","d":"1.safetensors"}})");
    const Checkpoint checkpoint(folder.path, kNames);
    CHECK(names_of(checkpoint) == "abcd");
    CHECK(checkpoint.inputs ==
          std::vector<fs::path>{folder.path / "1.safetensors", folder.path / "2.safetensors"});
}

TEST_CASE("checkpoint: bad indices of shards") {
    TemporaryFolder folder;
    write_tensors(folder.path / "1.safetensors", {"a", "b"});
    write_tensors(folder.path / "2.safetensors", {"c", "b"});
    write_text(folder.path / "cut.safetensors", "12345678");
    CHECK(index_error(folder, R"({"weight_map":{"a":"1.safetensors"}})").empty());
    for (const char *index : {"", "{", "[]", "{}", R"({"weight_map":{"a":1}})",
                              R"({"weight_map":{"a":["1.safetensors"]}})", R"({"weight_map":3})",
                              R"({"weight_map":["1.safetensors"]})"})
        CHECK_MESSAGE(contains(index_error(folder, index), "not an index of shards"), index);
    for (const char *shard : {"../1.safetensors", "/etc/passwd", "sub/1.safetensors", ".", "..", "",
                              "a\\\\b", "\\u0000"}) {
        const std::string message =
            index_error(folder, std::string(R"({"weight_map":{"a":")") + shard + "\"}}");
        if (std::string(shard) != "\\u0000")  // it ends the message
            CHECK_MESSAGE(contains(message, "is not a plain file name"), message);
        CHECK(contains(message, "first.safetensors.index.json"));
    }
    CHECK(contains(index_error(folder, R"({"weight_map":{"a":"3.safetensors"}})"),
                   "3.safetensors: cannot open: No such file"));
    CHECK(contains(index_error(folder, R"({"weight_map":{"a":"cut.safetensors"}})"),
                   "cut.safetensors: not a safetensors file, or cut"));
    CHECK(
        contains(index_error(folder, R"({"weight_map":{"a":"1.safetensors","c":"2.safetensors"}})"),
                 "2.safetensors: tensor 'b' is in another shard too"));
    CHECK(index_error(folder, R"({"weight_map":{}})") != "");
}

TEST_CASE("checkpoint: what is no model") {
    TemporaryFolder folder;
    CHECK(contains(open_error(folder.path),
                   "has none of first.safetensors, second.safetensors, and no index of shards"));
    CHECK(contains(open_error(folder.path / "none"), "none: no such file or folder"));
    for (const char *name : {"pytorch_model.bin", "model.pt", "model.pth", "model.gguf", "model"}) {
        const std::string message = open_error(write_text(folder.path / name, "PK"));
        CHECK_MESSAGE(contains(message, std::string(name) + ": not a .safetensors file"), message);
        CHECK(contains(message, "safetensors.torch.save_file(torch.load("));
    }
}

TEST_CASE("checkpoint: the text of a file") {
    TemporaryFolder folder;
    const std::string text("a\0\r\n\xFF", 5);
    CHECK(read_text(write_text(folder.path / "a", text)) == text);
    CHECK(read_text(folder.path / "none").empty());
    CHECK(read_text(folder.path).empty());
}
