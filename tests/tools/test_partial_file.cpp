// SPDX-License-Identifier: MIT
// Going on with a partial file: the same bytes as without a break, whatever became of it.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <set>

#include "tests/tools/made_matrices.hpp"
#include "tests/tools/temporary.hpp"
#include "tools/densq/format/checkpoint.hpp"
#include "tools/densq/format/file_writer.hpp"

using namespace densq::test;
using namespace densq::tool;

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kFingerprint = 0x0123456789ABCDEF;

// Three matrices and a tensor; runs that end before they are done.
struct Work {
    Work() {
        plan.metadata = {{"a", "text"}, {"b", std::string(100, 'x')}};
        for (const auto &[name, matrix] : matrices) plan.matrices[name] = plan_of(matrix);
        plan.tensors = {{"t", {DENSQ_F16, {2}}}};
        run("whole", false);
        expected = read_bytes(folder.path / "whole");
    }

    FileWriter begin(const char *name, bool resume) const {
        return FileWriter(folder.path / name, plan, {kFingerprint, resume});
    }

    // Returns the names of the matrices that an earlier run had made.
    std::set<std::string> add(FileWriter *writer, size_t count = 3) const {
        std::set<std::string> kept;
        for (const auto &[name, matrix] : matrices) {
            if (count-- == 0) return kept;
            if (writer->keep_matrix(name))
                kept.insert(name);
            else
                writer->add_matrix(name, matrix);
        }
        writer->add_tensor("t", "abcd", 4);
        return kept;
    }

    std::set<std::string> run(const char *name, bool resume) const {
        FileWriter writer = begin(name, resume);
        std::set<std::string> kept = add(&writer);
        writer.finish();
        return kept;
    }

    void end_after(size_t count) const {
        FileWriter writer = begin("out", false);
        add(&writer, count);
    }

    void check_resumed(const std::set<std::string> &kept) const {
        CHECK(run("out", true) == kept);
        CHECK(read_bytes(folder.path / "out") == expected);
        CHECK(!fs::exists(partial));
    }

    std::string resume_error() const {
        return error_of([&] { begin("out", true); });
    }

    const TemporaryFolder folder;
    const fs::path partial = folder.path / "out.partial";
    const std::map<std::string, QuantizedMatrix> matrices = {
        {"a", make_matrix(18, 700, 3, {0, 5, 699})},
        {"b", make_matrix(2, 40, 4, {})},
        {"c", make_matrix(1, 65537, 2, {3, 65536})}};
    FilePlan plan;
    std::string expected;
};

std::string flipped(std::string text, size_t at) {
    text[at] = static_cast<char>(text[at] ^ 4);
    return text;
}

}  // namespace

TEST_CASE("partial: a run goes on after any number of matrices") {
    const Work work;
    for (size_t count = 1; count <= 3; ++count) {
        work.end_after(count);
        std::set<std::string> kept = {"a", "b", "c"};
        while (kept.size() > count) kept.erase(std::prev(kept.end()));
        work.check_resumed(kept);
    }
}

TEST_CASE("partial: it can end again and again") {
    const Work work;
    for (size_t count = 1; count <= 3; ++count) {
        FileWriter writer = work.begin("out", count > 1);
        CHECK(work.add(&writer, count).size() == count - 1);
        CHECK(writer.left_text().starts_with(std::to_string(count) + " of 3 matrices"));
    }
    {
        const FileWriter writer = work.begin("out", true);
        CHECK(writer.left_text().starts_with("3 of 3 matrices"));
    }
    work.check_resumed({"a", "b", "c"});
}

TEST_CASE("partial: any damage is found, and what is damaged is made again") {
    const Work work;
    work.end_after(2);
    const std::string whole = read_bytes(work.partial);
    const Directory directory(work.plan);
    const densq_matrix_record &a = directory.matrices[0], &b = directory.matrices[1];
    const densq_sections sections = densq_place_sections(a.rows, a.cols, a.bits, a.nnz);
    for (const densq_section &section :
         {sections.lut, sections.codes, sections.row_ptr, sections.col, sections.val})
        for (const uint64_t at : {section.offset, section.offset + section.bytes - 1,
                                  section.offset + densq_padded(section.bytes) - 1}) {
            write_text(work.partial, flipped(whole, a.offset + at));
            work.check_resumed({"b"});
        }
    for (uint64_t at = 0; at < sizeof(densq_matrix_record); at += 4) {
        write_text(work.partial, flipped(whole, directory.place_of_matrix(0) + at));
        work.check_resumed({"b"});
    }
    for (const uint64_t size :
         {b.offset + b.bytes, b.offset + 1, b.offset, a.offset + a.bytes - 100, a.offset,
          directory.place_of_matrix(2), directory.place_of_matrix(1)}) {
        write_text(work.partial, whole.substr(0, size));
        work.check_resumed(size == b.offset + b.bytes   ? std::set<std::string>{"a", "b"}
                           : size >= a.offset + a.bytes ? std::set<std::string>{"a"}
                                                        : std::set<std::string>{});
    }
    write_text(work.partial, whole + "more");
    work.check_resumed({"a", "b"});
}

TEST_CASE("partial: a file that lacks only its name is gone on with") {
    const Work work;
    write_text(work.partial, work.expected);
    work.check_resumed({"a", "b", "c"});
    const Directory directory(work.plan);
    write_text(work.partial, flipped(work.expected, directory.matrices[2].offset));
    work.check_resumed({"a", "b"});
    for (uint64_t at = 8; at < directory.bytes; at += 5) {
        write_text(work.partial, flipped(work.expected, at));
        CHECK(contains(work.resume_error(), "was begun with other options or inputs"));
    }
}

TEST_CASE("partial: what was begun with another fingerprint is refused and stays") {
    const Work work;
    work.end_after(2);
    const std::string before = read_bytes(work.partial);
    const std::string message = error_of(
        [&] { FileWriter(work.folder.path / "out", work.plan, {kFingerprint + 1, true}); });
    CHECK(message == work.partial.string() + ": was begun with other options or inputs; leave "
                                             "--resume out to begin anew");
    CHECK(read_bytes(work.partial) == before);
    CHECK(work.folder.files() == 2);
}

TEST_CASE("partial: notices say what becomes of an earlier run") {
    const Work work;
    CHECK(work.begin("out", false).notice().empty());
    CHECK(work.begin("out", true).notice() ==
          "there is no work of an earlier run in " + work.partial.string() + " to go on with");
    CHECK(!fs::exists(work.partial));
    work.end_after(2);
    CHECK(work.begin("out", true).notice().empty());
    CHECK(fs::exists(work.partial));
    {
        FileWriter writer = work.begin("out", false);
        CHECK(writer.notice() == work.partial.string() + " of an earlier run is begun anew; "
                                                         "--resume would go on with it");
        CHECK(work.add(&writer).empty());
        writer.finish();
    }
    CHECK(read_bytes(work.folder.path / "out") == work.expected);
}

TEST_CASE("partial: two runs cannot write one output") {
    const Work work;
    {
        FileWriter writer = work.begin("out", false);
        fs::create_symlink("out", work.folder.path / "link");
        for (const bool resume : {false, true})
            for (const char *name : {"out", "link"})
                CHECK(error_of([&] { work.begin(name, resume); }) ==
                      work.partial.string() + ": another run is writing it");
        work.add(&writer);
        writer.finish();
    }
    CHECK(read_bytes(work.folder.path / "out") == work.expected);
    CHECK(!fs::exists(work.partial));
}

TEST_CASE("partial: another's file of that name is left alone") {
    const Work work;
    const auto check = [&](const char *part) {
        for (const bool resume : {false, true}) {
            const std::string message = error_of([&] { work.begin("out", resume); });
            CHECK_MESSAGE(contains(message, part), message);
        }
    };
    for (const char *text : {"x", "something else that is much longer than what a partial has"}) {
        write_text(work.partial, text);
        check("holds something else; move it away");
        CHECK(read_bytes(work.partial) == text);
    }
    fs::remove(work.partial);
    REQUIRE(mkfifo(work.partial.c_str(), 0600) == 0);
    check("holds something else");
    fs::remove(work.partial);
    fs::create_directory(work.partial);
    check("Is a directory");
    fs::remove(work.partial);
    fs::create_symlink("whole", work.partial);
    check("Too many levels of symbolic links");
    CHECK(read_bytes(work.folder.path / "whole") == work.expected);
    write_text(work.partial, "");  // of a run that was killed at once
    work.check_resumed({});
}

TEST_CASE("partial: without room nothing is begun") {
    const TemporaryFolder folder;
    FilePlan plan;
    plan.tensors["t"] = {DENSQ_F32, {1 << 20, 1 << 20}};
    const std::string message = error_of([&] { FileWriter(folder.path / "out", plan); });
    CHECK_MESSAGE(contains(message, "out needs 4398046511360 bytes, but there is room for "),
                  message);
    CHECK(folder.files() == 0);
}
