// SPDX-License-Identifier: MIT
// The reader of .safetensors files, on good files, on one bad file per rule, and on mutations.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "tests/tools/temporary.hpp"
#include "tools/densq/format/safetensors.hpp"

using namespace densq::test;
using densq::tool::read_floats;
using densq::tool::SafeTensor;
using densq::tool::SafeTensors;

namespace {

// {"NAME":{"dtype":...,"shape":...,"data_offsets":...}}, the parts as JSON.
std::string header_of(const std::string &dtype, const std::string &shape,
                      const std::string &offsets) {
    return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
}

// The message of opening such a file; empty if it opens.
std::string open_error(const TemporaryFolder &folder, const std::string &bytes) {
    const std::filesystem::path path = write_text(folder.path / "a.safetensors", bytes);
    std::string message = error_of([&] { SafeTensors file(path); });
    if (!message.empty()) CHECK(message.find(path.string() + ": ") == 0);
    return message;
}

// The file's first byte is not to be had, so tensors are compared among each other.
void check_inside(const SafeTensors &file, uint64_t size) {
    const uint8_t *first = nullptr, *end = nullptr;
    uint64_t bytes = 0;
    for (const auto &[name, tensor] : file.tensors) {
        first = first ? std::min(first, tensor.data) : tensor.data;
        end = std::max(end, tensor.data + tensor.bytes);
        bytes += tensor.bytes;
        std::vector<float> values(is_float(tensor) ? tensor.elements() : 0);
        if (!values.empty()) read_floats(tensor, 0, values.size(), values.data());
    }
    if (bytes > size - 8 || end - first != static_cast<ptrdiff_t>(bytes))
        FAIL("tensors take more than the file, or lie apart");
}

const std::string kTwo =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[1,2],"data_offsets":[8,12]},)"
    R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

}  // namespace

TEST_CASE("safetensors: values of every dtype that is read") {
    TemporaryFolder folder;
    const std::string header = R"({"f":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                               R"("h":{"dtype":"F16","shape":[3],"data_offsets":[16,22]},)"
                               R"("empty":{"dtype":"F16","shape":[3,0],"data_offsets":[16,16]},)"
                               R"("b":{"dtype":"BF16","shape":[],"data_offsets":[22,24]},)"
                               R"("__metadata__":{"any":"thing"}}   )";
    const float floats[] = {1.5f, -2, INFINITY, 1e-40f};
    const uint16_t halves[] = {0x3C00, 0xC200, 0x0001, 0xBFC0};
    std::string data(reinterpret_cast<const char *>(floats), sizeof floats);
    data.append(reinterpret_cast<const char *>(halves), sizeof halves);
    // An odd length of the header leaves the data unaligned.
    for (const char *spaces : {"", " ", "  ", "   "}) {
        const SafeTensors file(
            write_text(folder.path / "a.safetensors", safetensors_bytes(header + spaces, data)));
        REQUIRE(file.tensors.size() == 4);
        std::vector<float> out(4);
        const SafeTensor &f = file.tensors.at("f");
        CHECK(f.shape_text() == "[2, 2]");
        CHECK(f.elements() == 4);
        CHECK(f.bytes == 16);
        read_floats(f, 0, 4, out.data());
        CHECK(out == std::vector<float>(floats, floats + 4));
        read_floats(f, 1, 3, out.data());
        CHECK(out[0] == -2);
        const SafeTensor &h = file.tensors.at("h");
        read_floats(h, 1, 3, out.data());
        CHECK(out[0] == -3);
        CHECK(out[1] == std::ldexp(1.0f, -24));
        const SafeTensor &b = file.tensors.at("b");
        CHECK(b.elements() == 1);
        CHECK(b.shape_text() == "[]");
        read_floats(b, 0, 1, out.data());
        CHECK(out[0] == -1.5f);
        CHECK(file.tensors.at("empty").elements() == 0);
        file.forget(f);
        file.forget(file.tensors.at("empty"));
        read_floats(f, 0, 4, out.data());
        CHECK(out == std::vector<float>(floats, floats + 4));
    }
}

TEST_CASE("safetensors: what has been forgotten is read again") {
    TemporaryFolder folder;
    std::string data(1 << 20, '\0');
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * i >> 7);
    const SafeTensors file(
        write_text(folder.path / "a.safetensors",
                   safetensors_bytes(header_of("\"U8\"", "[1048576]", "[0,1048576]"), data)));
    const SafeTensor &tensor = file.tensors.at("a");
    for (int repeat = 0; repeat < 2; ++repeat) {
        CHECK(std::memcmp(tensor.data, data.data(), data.size()) == 0);
        file.forget(tensor);
    }
}

TEST_CASE("safetensors: good headers of unusual form") {
    TemporaryFolder folder;
    const auto opens = [&](const std::string &header, size_t bytes) {
        return open_error(folder, safetensors_bytes(header, std::string(bytes, 'x'))).empty();
    };
    CHECK(opens("{}", 0));
    CHECK(opens(R"({"__metadata__":{}})", 0));
    // A dtype of the future: its size is not known.
    CHECK(opens(header_of("\"F31\"", "[5]", "[0,3]"), 3));
    CHECK(opens(header_of("\"F8_E3M4\"", "[]", "[0,1]"), 1));
    CHECK(opens(header_of("\"I64\"", "[1,1,1,1,1,2]", "[0,16]"), 16));
    CHECK(opens(header_of("\"F32\"", "[0]", "[0,0]"), 0));
    CHECK(opens(kTwo, 12));
}

// In quadratic time it would take minutes.
TEST_CASE("safetensors: a header of many tensors") {
    TemporaryFolder folder;
    constexpr size_t kTensors = 50000;
    std::string header = "{";
    for (size_t i = 0; i < kTensors; ++i)
        header += (i ? ",\"" : "\"") + std::to_string(i * 7919 % kTensors) +
                  R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
                  std::to_string(i + 1) + "]}";
    const SafeTensors file(write_text(folder.path / "a.safetensors",
                                      safetensors_bytes(header + "}", std::string(kTensors, 'x'))));
    CHECK(file.tensors.size() == kTensors);
    const uint8_t *first = file.tensors.at("0").data;
    CHECK(file.tensors.at(std::to_string(3 * 7919)).data == first + 3);
}

TEST_CASE("safetensors: one bad file for every rule") {
    TemporaryFolder folder;
    const std::string f32 = "\"F32\"";
    struct Bad {
        std::string header;
        size_t bytes;
        const char *message;
    };
    const Bad list[] = {
        {"", 0, "not what safetensors prescribes"},
        {"{\"a\":", 0, "not what safetensors prescribes"},
        {"\x80\x02}q", 0, "not what safetensors prescribes"},
        {"{} x", 0, "not what safetensors prescribes"},
        {"{\"\xFF\":{}}", 0, "not what safetensors prescribes"},
        {"null", 0, "its header is no JSON object"},
        {"[]", 0, "its header is no JSON object"},
        {"3", 0, "its header is no JSON object"},
        {R"({"a":3})", 0, "not what safetensors prescribes"},
        {R"({"a":[]})", 0, "not what safetensors prescribes"},
        {R"({"a":null})", 0, "not what safetensors prescribes"},
        {R"({"a":{}})", 0, "not what safetensors prescribes"},
        {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "not what safetensors prescribes"},
        {header_of("3", "[1]", "[0,4]"), 4, "not what safetensors prescribes"},
        {header_of(f32, "1", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "null", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "\"1\"", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, R"({"b":1})", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[\"1\"]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[true]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[[1]]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[-1]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[0,-1]", "[0,0]"), 0, "'a': its shape is no list"},
        {header_of(f32, "[1.0]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[1.5]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[1e400]", "[0,4]"), 4, "not what safetensors prescribes"},
        {header_of(f32, "[18446744073709551617]", "[0,4]"), 4, "'a': its shape is no list"},
        {header_of(f32, "[1]", "4"), 4, "'a': its data_offsets is no list"},
        {header_of(f32, "[1]", R"({"0":0,"1":4})"), 4, "'a': its data_offsets is no list"},
        {header_of(f32, "[1]", "[0]"), 4, "'a': its data_offsets are not two"},
        {header_of(f32, "[1]", "[0,4,4]"), 4, "'a': its data_offsets are not two"},
        {header_of(f32, "[1]", "[0.0,4]"), 4, "'a': its data_offsets is no list"},
        {header_of(f32, "[1]", "[-4,0]"), 4, "'a': its data_offsets is no list"},
        {R"({"a":{},"a":{}})", 0, "has the key 'a' twice"},
        {R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
         "has the key 'dtype' twice"},
        {R"({"a\u0062":{},"ab":{}})", 0, "has the key 'ab' twice"},
        {R"({"__metadata__":{"a":[[[[[0]]]]]}})", 0, "nested too deeply"},
        {std::string(1000000, '['), 0, "nested too deeply"},
        {R"({"a":)" + std::string(1000000, '['), 0, "nested too deeply"},
        {header_of("\"F31\"", "[1]", "[0,5]"), 4, "'a' reaches beyond the file's end"},
        {header_of("\"F31\"", "[1]", "[0,3]"), 4, "1 bytes belong to no tensor"},
        {header_of("\"F31\"", "[4294967296,4294967296]", "[0,4]"), 4, "do not fit its shape"},
        {header_of("\"f31\"", "[1]", "[0,4]"), 4, "'a' has the unknown dtype 'f31'"},
        {header_of("\"\\u0000\"", "[1]", "[0,4]"), 4, "'a' has the unknown dtype '\\x00'"},
        {header_of('"' + std::string(33, 'F') + '"', "[1]", "[0,4]"), 4, "unknown dtype"},
        {header_of("\"F4\"", "[1]", "[0,1]"), 1, "'a': 1 bytes do not fit its shape [1]"},
        {R"({"a\t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
         "tensor 'a\\x09': its name has a control character"},
        {R"({"\u009b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
         "its name has a control character"},
        {R"({"\ud800":{}})", 0, "not what safetensors prescribes"},
        {R"({"__metadata__":{"a":"b","a":"c"}})", 0, "has the key 'a' twice"},
        {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "tensor 'a' has no dtype"},
        {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "tensor 'a' has no shape"},
        {header_of("\"\"", "[1]", "[0,4]"), 4, "unknown dtype"},
        {header_of(f32, "[1]", "[0,8]"), 8, "'a': 8 bytes do not fit its shape [1]"},
        {header_of(f32, "[2,3]", "[0,20]"), 20, "'a': 20 bytes do not fit its shape [2, 3]"},
        {header_of(f32, "[0]", "[0,4]"), 4, "do not fit its shape"},
        {header_of(f32, "[]", "[0,0]"), 0, "do not fit its shape []"},
        {header_of(f32, "[4611686018427387905]", "[0,4]"), 4, "do not fit its shape"},  // 2^62 + 1
        {header_of(f32, "[4294967296,4294967296]", "[0,0]"), 0, "do not fit its shape"},
        {header_of(f32, "[4294967296,4294967296,0]", "[0,0]"), 0, "do not fit its shape"},
        {header_of(f32, "[1]", "[4,0]"), 4, "reaches beyond the file's end"},
        {header_of(f32, "[2]", "[0,8]"), 7, "reaches beyond the file's end"},
        {header_of(f32, "[1]", "[18446744073709551612,18446744073709551615]"), 4,
         "reaches beyond the file's end"},
        {header_of(f32, "[1]", "[4,8]"), 8, "'a' overlaps or leaves a gap"},
        {header_of(f32, "[1]", "[0,4]"), 7, "3 bytes belong to no tensor"},
        {"{}", 1, "1 bytes belong to no tensor"},
    };
    for (const Bad &bad : list) {
        CAPTURE(bad.header.substr(0, 200));
        const std::string message =
            open_error(folder, safetensors_bytes(bad.header, std::string(bad.bytes, '\0')));
        CHECK_MESSAGE(contains(message, bad.message), message);
        CHECK(message.size() < 600);
    }
}

TEST_CASE("safetensors: tensors that overlap or leave a gap") {
    TemporaryFolder folder;
    const auto message = [&](const char *a, const char *b, const char *c) {
        std::string header;
        for (const auto &[name, offsets] : {std::pair("a", a), {"b", b}, {"c", c}})
            header += std::string(header.empty() ? "{" : ",") + '"' + name +
                      R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}";
        return open_error(folder, safetensors_bytes(header + "}", std::string(12, 'x')));
    };
    CHECK(message("[0,4]", "[4,8]", "[8,12]").empty());
    CHECK(message("[8,12]", "[0,4]", "[4,8]").empty());
    CHECK(contains(message("[0,4]", "[4,8]", "[4,8]"), "'c' overlaps another"));
    CHECK(contains(message("[0,4]", "[3,7]", "[8,12]"), "'b' overlaps or leaves a gap"));
    CHECK(contains(message("[0,4]", "[5,9]", "[8,12]"), "'b' overlaps or leaves a gap"));
    CHECK(contains(message("[1,5]", "[8,12]", "[4,8]"), "'a' overlaps or leaves a gap"));
}

TEST_CASE("safetensors: files that are none") {
    TemporaryFolder folder;
    for (const size_t size : {0u, 1u, 7u})
        CHECK(contains(open_error(folder, std::string(size, '\0')), "fewer than 8 bytes"));
    for (const auto &[content, advice] :
         {std::pair("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
                    "a.safetensors: is a git-lfs pointer, not the file itself; run 'git lfs pull'"),
          {"PK\3\4 a checkpoint of PyTorch", "convert it with densq-convert"},
          {"GGUF\3", "convert it with densq-convert"},
          {"<!DOCTYPE html>", "is a web page, not the file; download it again"}})
        CHECK(contains(open_error(folder, content), advice));
    std::string bytes = safetensors_bytes("{}", "");
    for (const char high : {'\x01', '\x7F', '\xFF'}) {
        bytes[7] = high;
        CHECK(contains(open_error(folder, bytes), "its header would have"));
    }
    CHECK(contains(open_error(folder, "\x80\2}q a pickle of PyTorch"), "not a safetensors file"));
    CHECK(contains(error_of([&] { SafeTensors file(folder.path); }), "not a regular file"));
    CHECK(contains(error_of([&] { SafeTensors file(folder.path / "none"); }),
                   "none: cannot open: No such file"));
}

TEST_CASE("safetensors: a file that was cut, at every length") {
    TemporaryFolder folder;
    const std::string whole = safetensors_bytes(kTwo, std::string(12, 'x'));
    CHECK(open_error(folder, whole).empty());
    for (size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        const std::string message = open_error(folder, whole.substr(0, size));
        CHECK_MESSAGE(contains(message, size < 8                 ? "not a safetensors file"
                                        : size < 8 + kTwo.size() ? "cut: its header would have"
                                                                 : "beyond the file's end"),
                      message);
    }
}

// Whatever the bytes, the file is refused or its tensors lie inside it.  Half of the mutations put
// in characters that JSON gives a meaning.
TEST_CASE("safetensors: mutations are refused or harmless") {
    TemporaryFolder folder;
    std::mt19937 random(1);
    const std::string whole = safetensors_bytes(kTwo, std::string(12, 'x'));
    const std::string meaningful = "{}[]\",:0123456789-+.eE\\ \t\nu";
    const std::filesystem::path path = folder.path / "a.safetensors";
    int opened = 0;
    for (int trial = 0; trial < 10000; ++trial) {
        CAPTURE(trial);
        std::string bytes = whole;
        for (auto changes = 1 + random() % 3; changes > 0; --changes) {
            const size_t at = random() % bytes.size();
            const char value = random() % 2 ? meaningful[random() % meaningful.size()]
                                            : static_cast<char>(random());
            switch (random() % 4) {
            case 0: bytes.insert(at, 1, value); break;
            case 1: bytes.erase(at, 1); break;
            default: bytes[at] = value;
            }
        }
        // The header's size follows, else hardly a mutation would get any further.
        if (random() % 4)
            bytes = safetensors_bytes(bytes.substr(8, bytes.size() - 20),
                                      bytes.substr(bytes.size() - 12));
        write_text(path, bytes);
        error_of([&] {
            const SafeTensors file(path);
            check_inside(file, bytes.size());
            ++opened;
        });
    }
    CHECK(opened > 200);
}
