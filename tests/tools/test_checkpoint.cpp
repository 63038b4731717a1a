// SPDX-License-Identifier: MIT
// Models as files, as folders and as folders of shards.
#include <doctest/doctest.h>

#include "tests/tools/temporary.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/input_file.hpp"

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
    CHECK(checkpoint.notices.empty());
    write_tensors(folder.path / "first-1-of-1.safetensors", {"x"});
    const auto notices = Checkpoint(folder.path, kNames).notices;
    REQUIRE(notices.size() == 1);
    CHECK(contains(notices[0], "first.safetensors is the whole model: 'first-1-of-1.safetensors'"));
}

TEST_CASE("checkpoint: shards") {
    TemporaryFolder folder;
    write_tensors(folder.path / "2.safetensors", {"c", "a"});
    write_tensors(folder.path / "1.safetensors", {"d", "b"});
    write_tensors(folder.path / "unused.safetensors", {"u"});
    const fs::path index =
        write_text(folder.path / "first.safetensors.index.json",
                   std::string("\xEF\xBB\xBF") +
                       R"({"metadata":{"total_size":4},"weight_map":{"a":"2.safetensors",)"
                       R"("b":"1.safetensors","c":"2.safetensors","d":"1.safetensors"}})");
    {
        const Checkpoint checkpoint(folder.path, kNames);
        CHECK(names_of(checkpoint) == "abcd");
        CHECK(checkpoint.inputs == std::vector<fs::path>{folder.path / "1.safetensors",
                                                         folder.path / "2.safetensors", index});
        CHECK(checkpoint.notices.empty());
    }
    write_text(folder.path / "first-00003-of-00002.safetensors", "");
    const auto notices = Checkpoint(folder.path, kNames).notices;
    REQUIRE(notices.size() == 1);
    CHECK(contains(notices[0], "the index does not name them: 'first-00003-of-00002.safetensors'"));
}

TEST_CASE("checkpoint: bad indices of shards") {
    TemporaryFolder folder;
    write_tensors(folder.path / "1.safetensors", {"a", "b"});
    write_text(folder.path / "cut.safetensors", "12345678");
    CHECK(
        index_error(folder, R"({"weight_map":{"a":"1.safetensors","b":"1.safetensors"}})").empty());
    for (const char *index : {"", "{", "[]", "{}", R"({"weight_map":{"a":1}})",
                              R"({"weight_map":{}} x)", R"({"weight_map":{"a":["1.safetensors"]}})",
                              R"({"weight_map":3})", R"({"weight_map":["1.safetensors"]})",
                              R"({"weight_map":{"a":"1.safetensors","a":"1.safetensors"}})",
                              R"({"weight_map":{},"weight_map":{}})"})
        CHECK_MESSAGE(contains(index_error(folder, index), "not an index of shards"), index);
    for (const char *shard : {"../1.safetensors", "/etc/passwd", "sub/1.safetensors", ".", "..", "",
                              "a\\\\b", "\\u0000"}) {
        const std::string message =
            index_error(folder, std::string(R"({"weight_map":{"a":")") + shard + "\"}}");
        CHECK_MESSAGE(contains(message, "is not a plain file name"), message);
        CHECK(contains(message, "first.safetensors.index.json"));
    }
    CHECK(contains(index_error(folder, R"({"weight_map":{"a":"3.safetensors","b":"3.safetensors",)"
                                       R"("c":"1.safetensors"}})"),
                   "1 of its 2 shards are not in the folder: '3.safetensors'; download them"));
    CHECK(contains(index_error(folder, R"({"weight_map":{"a":"cut.safetensors"}})"),
                   "cut.safetensors: not a safetensors file, or cut"));
    CHECK(contains(index_error(folder, R"({"weight_map":{}})"), "names no shards"));
    fs::create_directory(folder.path / "sub.safetensors");
    CHECK(contains(index_error(folder, R"({"weight_map":{"a":"sub.safetensors"}})"),
                   "not a regular file"));
}

TEST_CASE("checkpoint: an index and shards that disagree") {
    TemporaryFolder folder;
    write_tensors(folder.path / "1", {"a", "b"});
    write_tensors(folder.path / "2", {"c", "d"});
    write_tensors(folder.path / "3", {"e", "b", "a"});
    const auto check = [&](const char *map, const std::string &part) {
        const std::string message =
            index_error(folder, std::string(R"({"weight_map":{)") + map + "}}");
        CHECK_MESSAGE(contains(message, part), message);
        CHECK(contains(message, "download the index and all shards again") == !part.empty());
    };
    check(R"("a":"1","b":"1","c":"2","d":"2")", "");
    check(R"("a":"1","b":"1","c":"2","d":"2","x":"2")",
          "index.json: names 1 tensor that no shard has: 'x' (the first: index says 2)");
    check(R"("a":"1","v":"1","c":"2","w":"2","x":"2","y":"2","z":"2")",
          "names 5 tensors that no shard has: 'v', 'w', 'x' and 2 more (the first: index says 1)");
    check(R"("a":"1","b":"2","c":"1","d":"2")",
          "names another shard than the one that has them for 2 tensors: 'b', 'c' (the first: "
          "index says 2, it is in 1)");
    check(R"("a":"1","d":"2")",
          "1: the index does not name 2 tensors that the shards have: 'b', 'c'");
    check(R"("a":"1","b":"1","e":"3")",
          "3: tensor 'a' is in another shard too, 1 (2 such tensors)");
}

TEST_CASE("checkpoint: what is no model") {
    TemporaryFolder folder;
    CHECK(
        contains(open_error(folder.path),
                 "has none of 'first.safetensors', 'second.safetensors', and no index of shards"));
    CHECK(contains(open_error(folder.path / "none"), "none: no such file or folder"));
    struct Other {
        const char *name, *advice;
    };
    for (const Other &other : {Other{"pytorch_model.bin", "densq-convert FILE OUT.safetensors"},
                               {"model.pt", "densq-convert FILE OUT.safetensors"},
                               {"model.pth", "densq-convert FILE OUT.safetensors"},
                               {"model.gguf", "densq-convert FILE.gguf FOLDER"},
                               {"first.safetensors.index.json", "give the folder that it is in"},
                               {"model", "give a .safetensors file"}}) {
        const std::string message = open_error(write_text(folder.path / other.name, "PK"));
        CHECK_MESSAGE(contains(message, std::string(other.name) + ": not a .safetensors file"),
                      message);
        CHECK_MESSAGE(contains(message, other.advice), message);
    }
}

TEST_CASE("checkpoint: folders without a model, and what to do with them") {
    struct Other {
        std::vector<const char *> names;
        const char *advice;
    };
    for (const Other &other : {
             Other{{"pytorch_model-00001-of-00002.bin", "config.json"},
                   "of PyTorch ('pytorch_model-00001-of-00002.bin'): convert the folder with "
                   "densq-convert FOLDER OUT.safetensors"},
             Other{{"a.gguf"}, "densq-convert FILE.gguf FOLDER"},
             Other{
                 {"first-00001-of-00002.safetensors", "first-00002-of-00002.safetensors"},
                 "'first-00002-of-00002.safetensors') without first.safetensors.index.json, which "
                 "belongs to them: download that too"},
             Other{{"consolidated.safetensors", "consolidated.00.pth"}, "its maker's own names"},
             Other{{"first.fp16.safetensors", "a.bin"},
                   "('first.fp16.safetensors'): name the file itself with --model"},
             Other{{"adapter_model.safetensors", "adapter_config.json"},
                   "an adapter (LoRA), not a model ('adapter_model.safetensors'): merge it"},
             Other{{"tf_model.h5"}, "from_tf=True"},
         }) {
        TemporaryFolder folder;
        for (const char *name : other.names) write_text(folder.path / name, "x");
        const std::string message = open_error(folder.path);
        CHECK_MESSAGE(contains(message, "has none of"), message);
        CHECK_MESSAGE(contains(message, other.advice), message);
    }
}
