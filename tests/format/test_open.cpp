// SPDX-License-Identifier: MIT
// test_open.cpp - densq_open_path and densq_open_memory: arguments, options, odd files.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/opened_files.hpp"

using namespace densq::test;
namespace fs = std::filesystem;

namespace {

// A folder that goes with the test.
class TemporaryFolder {
public:
    TemporaryFolder() {
        char name[] = "/tmp/densq-test-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        path = name;
    }
    ~TemporaryFolder() { fs::remove_all(path); }
    std::string operator/(const std::string &name) const { return path / name; }

private:
    fs::path path;
};

bool has(const Opened &opened, const char *text) {
    return std::strstr(opened.fault.text, text) != nullptr;
}

}  // namespace

TEST_CASE("a path that is no regular file") {
    const TemporaryFolder folder;
    Opened opened = open_file(folder / "missing");
    CHECK(opened.status == DENSQ_ERR_IO);
    CHECK(opened.fault.offset == UINT64_MAX);
    CHECK(opened.fault.text == "cannot open '" + folder / "missing" + "': no such file (errno 2)");

    opened = open_file(folder / "");
    CHECK(opened.status == DENSQ_ERR_IO);
    CHECK(has(opened, "is a directory, not a file"));

    REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
    opened = open_file(folder / "fifo");  // must not wait for a writer
    CHECK(opened.status == DENSQ_ERR_IO);
    CHECK(has(opened, "is not a regular file"));

    std::ofstream(folder / "empty");
    for (const uint32_t flags : {0u, static_cast<uint32_t>(DENSQ_OPEN_COPY)}) {
        opened = open_file(folder / "empty", flags);
        CHECK(opened.status == DENSQ_ERR_MAGIC);
        CHECK(has(opened, "the file is empty"));
    }

    opened = open_file(folder / "empty/below");
    CHECK(opened.status == DENSQ_ERR_IO);
    CHECK(has(opened, "a folder on the way is not one"));
    opened = open_file(folder / std::string(300, 'x'));
    CHECK(has(opened, "the path is too long"));
    fs::create_symlink("loop", folder / "loop");
    CHECK(has(open_file(folder / "loop"), "too many symbolic links"));
}

TEST_CASE("no more file handles") {
    rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none = {0, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const Opened opened = open_file(kGolden + "small.densq");
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(opened.status == DENSQ_ERR_IO);
    CHECK(has(opened, "too many open files"));
}

TEST_CASE("no handle is left open") {
    const auto next_handle = [] {
        const int handle = dup(0);
        close(handle);
        return handle;
    };
    const int before = next_handle();
    {
        const Opened opened = open_file(kGolden + "small.densq");
    }
    {
        const Opened opened = open_file(kGolden + "small.densq", DENSQ_OPEN_COPY);
    }
    {
        const Opened opened = open_file(kErrors + "magic.densq");
    }
    {
        const Opened opened = open_file(TEST_FOLDER);
    }
    CHECK(next_handle() == before);
}

TEST_CASE("max_bytes") {
    const std::vector<uint8_t> bytes = read_file(kGolden + "small.densq");
    densq_open_options options = open_options(DENSQ_OPEN_COPY);
    options.max_bytes = bytes.size();
    CHECK(open_file(kGolden + "small.densq", options).status == DENSQ_OK);
    CHECK(open_bytes(bytes.data(), bytes.size(), options).status == DENSQ_OK);
    --options.max_bytes;
    CHECK(open_file(kGolden + "small.densq", options).status == DENSQ_ERR_LIMIT);
    const Opened opened = open_bytes(bytes.data(), bytes.size(), options);
    CHECK(opened.status == DENSQ_ERR_LIMIT);
    CHECK(opened.fault.text == "the file has " + std::to_string(bytes.size()) +
                                   " bytes, the caller's limit is " +
                                   std::to_string(bytes.size() - 1));
}

TEST_CASE("a copy does not change with the file") {
    const TemporaryFolder folder;
    const std::string path = folder / "copy.densq";
    fs::copy_file(kGolden + "small.densq", path);
    const Opened opened = open_file(path, DENSQ_OPEN_COPY);
    REQUIRE(opened.status == DENSQ_OK);
    const std::vector<float> before = read_matrix(opened.file.get(), 0);
    fs::resize_file(path, 0);
    use_everything(opened.file.get());
    CHECK(read_matrix(opened.file.get(), 0) == before);
}

TEST_CASE("a copy does not change with the memory") {
    std::vector<uint8_t> bytes = read_file(kGolden + "small.densq");
    const Opened opened = open_copy(bytes);
    REQUIRE(opened.status == DENSQ_OK);
    std::fill(bytes.begin(), bytes.end(), uint8_t{0xFF});
    use_everything(opened.file.get());
}

TEST_CASE("memory that is not aligned") {
    const std::vector<uint8_t> good = read_file(kGolden + "small.densq");
    for (const size_t shift : {1u, 2u, 8u, 32u, 63u}) {
        Guarded<uint8_t> memory(good.size() + DENSQ_ALIGNMENT, Side::kBegin);
        uint8_t *bytes = memory.data() + shift;
        std::memcpy(bytes, good.data(), good.size());
        const Opened borrowed = open_bytes(bytes, good.size());
        CHECK(borrowed.status == DENSQ_ERR_ARGUMENT);
        CHECK(has(borrowed, "DENSQ_OPEN_COPY"));
        const Opened copied = open_bytes(bytes, good.size(), DENSQ_OPEN_COPY);
        REQUIRE(copied.status == DENSQ_OK);
        use_everything(copied.file.get());
    }
}

TEST_CASE("memory of no bytes, or more than there can be") {
    alignas(64) uint8_t byte = 0;
    CHECK(open_bytes(&byte, SIZE_MAX).status == DENSQ_ERR_LIMIT);
    CHECK(open_bytes(&byte, 0).status == DENSQ_ERR_MAGIC);
    CHECK(open_bytes(&byte, 0, DENSQ_OPEN_COPY).status == DENSQ_ERR_MAGIC);
}

TEST_CASE("arguments") {
    const std::string path = kGolden + "small.densq";
    densq_fault fault = {};
    densq_file *file = nullptr;
    CHECK(densq_open_path(nullptr, path.c_str(), nullptr, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(std::string(fault.text) == "out is NULL");
    CHECK(densq_open_path(&file, nullptr, nullptr, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(std::string(fault.text) == "path is NULL");
    CHECK(densq_open_memory(nullptr, "", 0, nullptr, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(densq_open_memory(&file, nullptr, 0, nullptr, &fault) == DENSQ_ERR_ARGUMENT);
    CHECK(std::string(fault.text) == "bytes is NULL");
    densq_close(nullptr);
    densq_close(&file);
    CHECK(densq_open_path(&file, path.c_str(), nullptr, nullptr) == DENSQ_OK);
    densq_close(&file);
    CHECK(file == nullptr);
}

TEST_CASE("options") {
    const std::string path = kGolden + "small.densq";
    densq_open_options options = open_options();
    options.struct_size = sizeof options - 1;
    CHECK(open_file(path, options).status == DENSQ_ERR_ARGUMENT);
    options = open_options(4);
    CHECK(open_file(path, options).status == DENSQ_ERR_ARGUMENT);
    options = open_options();
    options.alloc = [](void *, size_t, size_t) -> void * { return nullptr; };
    CHECK(has(open_file(path, options), "one of alloc and free without the other"));

    struct Newer {
        densq_open_options options;
        uint64_t field;
    } newer = {open_options(), 0};
    newer.options.struct_size = sizeof newer;
    CHECK(open_file(path, newer.options).status == DENSQ_OK);
}
