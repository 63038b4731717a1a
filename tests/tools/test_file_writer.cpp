// SPDX-License-Identifier: MIT
// The writer: what it writes opens and says the same; what it is not given right has no name.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <numeric>

#include "tests/support/opened_files.hpp"
#include "tests/tools/made_matrices.hpp"
#include "tests/tools/temporary.hpp"
#include "tools/densq/format/file_writer.hpp"
#include "tools/densq/format/input_file.hpp"

using namespace densq::test;
using namespace densq::tool;

namespace fs = std::filesystem;

namespace {

// Writes one matrix, which may be anything.
std::string write_error(const fs::path &target, const QuantizedMatrix &matrix) {
    FilePlan plan;
    plan.matrices["m"] = plan_of(matrix);
    return error_of([&] {
        FileWriter writer(target, plan);
        writer.add_matrix("m", matrix);
        writer.finish();
    });
}

}  // namespace

TEST_CASE("writer: all kinds of entries") {
    TemporaryFolder folder;
    const fs::path target = folder.path / "out.densq";
    const QuantizedMatrix narrow = make_matrix(18, 65536, 3, {0, 5, 65535});
    const QuantizedMatrix wide = make_matrix(1, 65537, 2, {3, 65536});
    const QuantizedMatrix dense = make_matrix(2, 40, 4, {});
    const float floats[] = {1, -2, INFINITY};
    FilePlan plan;
    plan.metadata = {{"b", "text"}, {"a", ""}, {"\xC3\xA4", "\xE2\x82\xAC"}};
    plan.matrices = {{"z", plan_of(dense)}, {"m", plan_of(narrow)}, {"n", plan_of(wide)}};
    plan.tensors = {{"t", {DENSQ_F32, {3, 1}}}, {"s", {DENSQ_BF16, {}}}};
    {
        FileWriter writer(target, plan);
        writer.add_matrix("m", narrow);
        writer.add_matrix("n", wide);
        writer.add_matrix("z", dense);
        writer.add_tensor("s", "ab", 2);
        writer.add_tensor("t", floats, sizeof floats);
        CHECK(!fs::exists(target));
        CHECK(folder.files() == 1);
        writer.finish();
    }
    CHECK(folder.files() == 1);
    const Opened opened = open_file(target.string(), densq_open_options(open_options()));
    REQUIRE_MESSAGE(opened.status == DENSQ_OK, opened.fault.text);
    const densq_file *file = opened.file.get();
    REQUIRE(densq_count(file, DENSQ_METADATA) == 3);
    REQUIRE(densq_count(file, DENSQ_MATRIX) == 3);
    REQUIRE(densq_count(file, DENSQ_TENSOR) == 2);
    const auto text = [&](uint32_t i) {
        const densq_metadata entry = get_metadata(file, i);
        return std::string(entry.key, entry.key_bytes) + "=" +
               std::string(entry.value, entry.value_bytes);
    };
    CHECK(text(0) == "a=");
    CHECK(text(1) == "b=text");
    CHECK(text(2) == "\xC3\xA4=\xE2\x82\xAC");
    CHECK(get_matrix(file, 0).nnz == 3);
    CHECK(get_matrix(file, 1).cols == 65537);
    CHECK(get_matrix(file, 2).bits == 4);
    const std::vector<float> read = read_matrix(file, 0), read_wide = read_matrix(file, 1);
    CHECK(read[5] == 3);
    CHECK(read[6] == 1);
    CHECK(read[65535] == 3);
    CHECK(std::accumulate(read.begin(), read.end(), 0.0) == 18 * 65536.0 + 6);
    CHECK(read_wide[65536] == 3);
    CHECK(read_wide[65535] == 1);
    const densq_tensor s = get_tensor(file, 0), t = get_tensor(file, 1);
    CHECK(s.dtype == DENSQ_BF16);
    CHECK(s.dimensions == 0);
    CHECK(std::memcmp(s.data, "ab", 2) == 0);
    CHECK(t.shape[0] == 3);
    CHECK(std::memcmp(t.data, floats, sizeof floats) == 0);
}

TEST_CASE("writer: without finish the partial file is left once a matrix is done") {
    TemporaryFolder folder;
    const fs::path target = folder.path / "out.densq", partial = folder.path / "out.densq.partial";
    const QuantizedMatrix matrix = make_matrix(2, 40, 4, {7});
    FilePlan plan;
    plan.matrices = {{"m", plan_of(matrix)}, {"n", plan_of(matrix)}};
    for (const bool before : {false, true}) {
        if (before) write_text(target, "before");
        {
            const FileWriter writer(target, plan);
            CHECK(fs::file_size(partial) == Directory(plan).file_bytes);
            CHECK(writer.left_text().empty());
        }
        CHECK(folder.files() == before);
        {
            FileWriter writer(target, plan);
            writer.add_matrix("m", matrix);
            CHECK(writer.left_text() == "1 of 2 matrices are done and stay in " + partial.string() +
                                            "; the same command with --resume goes on");
        }
        CHECK(fs::exists(partial));
        CHECK(open_file(partial.string()).status == DENSQ_ERR_MAGIC);
        CHECK(read_bytes(partial).starts_with("unfinished densq file"));
        fs::remove(partial);
        CHECK(folder.files() == before);
    }
    CHECK(read_bytes(target) == "before");
    CHECK(write_error(target, matrix).empty());
    CHECK(folder.files() == 1);
    CHECK(open_file(target.string()).status == DENSQ_OK);
}

TEST_CASE("writer: what does not prove right gets no name") {
    TemporaryFolder folder;
    const fs::path target = write_text(folder.path / "out.densq", "before");
    const auto check = [&](const QuantizedMatrix &matrix, const char *part) {
        const std::string message = write_error(target, matrix);
        CHECK_MESSAGE(contains(message, "what was written does not prove right"), message);
        CHECK_MESSAGE(contains(message, part), message);
        CHECK(read_bytes(target) == "before");
    };
    QuantizedMatrix matrix = make_matrix(2, 40, 4, {7, 8});
    matrix.lut[5] = 0x7C00;
    check(matrix, "lut");
    matrix = make_matrix(2, 40, 4, {8, 7});
    check(matrix, "col");
}

TEST_CASE("writer: what is not the planned entry, or not of its size, is refused and not written") {
    TemporaryFolder folder;
    const fs::path target = folder.path / "out.densq";
    const QuantizedMatrix a = make_matrix(3, 40, 4, {7, 8}), b = make_matrix(3, 40, 4, {7, 8, 9});
    FilePlan plan;
    plan.matrices = {{"a", plan_of(a)}, {"b", plan_of(b)}};
    plan.tensors = {{"s", {DENSQ_F16, {2}}}, {"t", {DENSQ_F16, {3}}}};
    FileWriter writer(target, plan);
    const auto check = [&](const auto &call, const char *reason) {
        std::string message;
        try {
            call();
        } catch (const std::logic_error &error) {
            message = error.what();
        }
        CHECK_MESSAGE(contains(message, reason), message);
    };
    const auto check_matrix = [&](const auto &change, const char *reason) {
        QuantizedMatrix changed = a;
        change(changed);
        check([&] { writer.add_matrix("a", changed); }, reason);
    };
    check([&] { writer.add_matrix("b", b); }, "matrix 'b' is not what was planned: 'a' comes next");
    check([&] { writer.add_matrix("a", b); }, "'a' is not what was planned: 3 column indices, not");
    check([&] { writer.add_tensor("s", "abcd", 4); }, "matrices are still to come");
    check_matrix([](QuantizedMatrix &m) { m.rows = 2; }, "2 rows, not 3");
    check_matrix([](QuantizedMatrix &m) { m.cols = 41; }, "41 columns, not 40");
    check_matrix([](QuantizedMatrix &m) { m.bits = 3; }, "3 bits, not 4");
    check_matrix([](QuantizedMatrix &m) { m.lut.pop_back(); }, "47 table entries, not 48");
    check_matrix([](QuantizedMatrix &m) { m.codes.pop_back(); }, "bytes of codes, not");
    check_matrix([](QuantizedMatrix &m) { m.codes.push_back(0); }, "bytes of codes, not");
    check_matrix([](QuantizedMatrix &m) { m.row_ptr.pop_back(); }, "3 row pointers, not 4");
    check_matrix([](QuantizedMatrix &m) { m.col.push_back(9); }, "3 column indices, not 2");
    check_matrix([](QuantizedMatrix &m) { m.val.pop_back(); }, "1 sparse values, not 2");
    writer.add_matrix("a", a);
    check([&] { writer.add_matrix("a", a); }, "'b' comes next");
    writer.add_matrix("b", b);
    check([&] { writer.add_matrix("c", b); }, "it is one more than planned");
    check([&] { writer.add_tensor("t", "abcdef", 6); }, "tensor 't' is not what was planned: 's'");
    check([&] { writer.add_tensor("s", "ab", 2); }, "2 bytes, not 4");
    check([&] { writer.finish(); }, "not all that was planned has been written");
    writer.add_tensor("s", "abcd", 4);
    check([&] { writer.finish(); }, "not all that was planned has been written");
    writer.add_tensor("t", "abcdef", 6);
    check([&] { writer.add_tensor("u", "abcdef", 6); }, "it is one more than planned");
    CHECK(!fs::exists(target));
    writer.finish();
    CHECK(open_file(target.string()).status == DENSQ_OK);
}

TEST_CASE("writer: a plan that no file can hold, a place where none can be") {
    TemporaryFolder folder;
    const auto error = [&](const fs::path &target, const FilePlan &plan) {
        return error_of([&] { FileWriter writer(target, plan); });
    };
    FilePlan plan;
    plan.tensors[std::string(255, 'x')] = {DENSQ_F32, {1}};
    CHECK(error(folder.path / "out", plan).empty());
    plan.tensors[std::string(256, 'x')] = {DENSQ_F32, {1}};
    CHECK(contains(error(folder.path / "out", plan), "must have 1 to 255 bytes"));
    plan.tensors = {{"", {DENSQ_F32, {1}}}};
    CHECK(contains(error(folder.path / "out", plan), "must have 1 to 255 bytes"));
    for (const char *name : {"a\n", "\x7F", "\xC3", "\xFF"}) {
        plan = {{}, {}, {{name, {DENSQ_F32, {1}}}}};
        CHECK(contains(error(folder.path / "out", plan), "no densq file can hold this: tensor "));
        plan = {{}, {{name, {1, 1, 2, 0}}}, {}};
        CHECK(contains(error(folder.path / "out", plan), "no densq file can hold this: tensor "));
        plan = {{{name, ""}}, {}, {}};
        CHECK(contains(error(folder.path / "out", plan), "no densq file can hold this: metadata"));
    }
    plan.metadata = {{"config.json", "caf\xE9"}};
    CHECK(contains(error(folder.path / "out", plan), "'config.json'"));
    plan.metadata = {{"tokenizer.json", std::string(DENSQ_MAX_VALUE_BYTES + 1, 'x')}};
    CHECK(contains(error(folder.path / "out", plan), "'tokenizer.json'"));
    CHECK(folder.files() == 0);
}
