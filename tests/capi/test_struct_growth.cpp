// SPDX-License-Identifier: MIT
// test_struct_growth.cpp - structs of callers who were compiled with an older or a newer header.
//
// Every struct lies directly before a page that must not be touched.
#include <cstring>

#include "lib/base/caller_struct.hpp"

#include "tests/support/bound_weights.hpp"

using namespace densq::test;

namespace {

// What a later header may make of a struct.
template <typename T>
struct Grown : T {
    uint64_t added;
};

}  // namespace

template <typename T>
struct densq::CallerStruct<Grown<T>> {
    static constexpr const char *name = "a grown struct";
    static constexpr size_t first_size = CallerStruct<T>::first_size;
};

namespace {

using densq::CallerStruct;

// A caller's struct of `size` bytes: the fields of `known` as far as they go, then `rest`.
template <typename T>
class TheirStruct {
public:
    TheirStruct(size_t size, const T &known, uint8_t rest) : memory(size, Side::kEnd) {
        std::memset(memory.data(), rest, size);
        std::memcpy(memory.data(), &known, std::min(size, sizeof known));
        get()->struct_size = size;
    }
    T *get() { return reinterpret_cast<T *>(memory.data()); }
    uint8_t *bytes() { return memory.data(); }

private:
    Guarded<uint8_t> memory;
};

template <typename T>
bool same_fields(const T &a, const T &b) {
    constexpr size_t kFirst = sizeof a.struct_size;
    return !std::memcmp(reinterpret_cast<const char *>(&a) + kFirst,
                        reinterpret_cast<const char *>(&b) + kFirst, sizeof a - kFirst);
}

// use(options, fault) is a function of the library.
template <typename T, typename Use>
void check_options(const T &options, Use use) {
    const auto status_of = [&](TheirStruct<T> &theirs, std::string *text = nullptr) {
        densq_fault fault = {};
        const densq_status status = use(theirs.get(), &fault);
        if (text) *text = fault.text;
        return status;
    };
    std::string text;
    for (const size_t more : {size_t{0}, size_t{8}, size_t{64}, 4096 - sizeof(T)}) {
        CAPTURE(more);
        TheirStruct<T> theirs(sizeof(T) + more, options, 0);
        CHECK(status_of(theirs) == DENSQ_OK);
        for (size_t at = sizeof(T); at < sizeof(T) + more; at += at % 8 == 7 ? 49 : 1) {
            theirs.bytes()[at] = 1;
            REQUIRE(status_of(theirs, &text) == DENSQ_ERR_UNSUPPORTED);
            CHECK(text.find("byte " + std::to_string(at) + " of densq_") != std::string::npos);
            CHECK(text.find("newer header") != std::string::npos);
            theirs.bytes()[at] = 0;
        }
    }
    for (const size_t size : {size_t{0}, CallerStruct<T>::first_size - 1}) {
        TheirStruct<T> theirs(sizeof(T), options, 0);
        theirs.get()->struct_size = size;
        CHECK(status_of(theirs, &text) == DENSQ_ERR_ARGUMENT);
        CHECK(text.find("options->struct_size is smaller than densq_") == 0);
    }
    for (const size_t size : {size_t{4097}, SIZE_MAX}) {
        TheirStruct<T> theirs(sizeof(T), options, 0);
        theirs.get()->struct_size = size;
        CHECK(status_of(theirs, &text) == DENSQ_ERR_ARGUMENT);
        CHECK(text.find("options->struct_size is " + std::to_string(size) + ": set it to") == 0);
    }
}

// get(out) is a function of the library.
template <typename T, typename Get>
void check_output_of(Get get) {
    T expected = {};
    expected.struct_size = sizeof expected;
    REQUIRE(get(&expected) == DENSQ_OK);
    for (const size_t more : {size_t{0}, size_t{8}, size_t{64}, 4096 - sizeof(T)}) {
        CAPTURE(more);
        TheirStruct<T> theirs(sizeof(T) + more, T{}, 0xFF);
        REQUIRE(get(theirs.get()) == DENSQ_OK);
        CHECK(theirs.get()->struct_size == sizeof(T) + more);
        CHECK(same_fields(*theirs.get(), expected));
        for (size_t at = sizeof(T); at < sizeof(T) + more; ++at)
            if (theirs.bytes()[at]) FAIL("byte ", at, " is not zeroed");
    }
    for (const size_t size : {size_t{0}, CallerStruct<T>::first_size - 1, size_t{4097}, SIZE_MAX}) {
        TheirStruct<T> theirs(sizeof(T), T{}, 0xFF);
        theirs.get()->struct_size = size;
        CHECK(get(theirs.get()) == DENSQ_ERR_ARGUMENT);
    }
}

// This library as it would be if it knew Grown<T>, with callers of version 0.1.0, of its own
// version, and of one that has grown further.
template <typename T>
void check_later_library() {
    Grown<T> full;
    std::memset(&full, 0x5A, sizeof full);
    CAPTURE(CallerStruct<T>::name);
    for (const size_t size : {CallerStruct<T>::first_size, sizeof full, sizeof full + 24}) {
        CAPTURE(size);
        TheirStruct<Grown<T>> theirs(size, full, 0);
        Grown<T> mine;
        std::memset(&mine, 0xFF, sizeof mine);
        REQUIRE(densq::read_struct(&mine, theirs.get(), "options", nullptr) == DENSQ_OK);
        CHECK(mine.struct_size == sizeof mine);
        CHECK(same_fields<T>(mine, full));
        CHECK(mine.added == (size < sizeof full ? 0 : full.added));

        TheirStruct<Grown<T>> out(size, Grown<T>{}, 0xFF);
        REQUIRE(densq::check_output(out.get()) == DENSQ_OK);
        densq::write_struct(out.get(), full);
        CHECK(out.get()->struct_size == size);
        CHECK(same_fields<T>(*out.get(), full));
        if (size >= sizeof full) CHECK(out.get()->added == full.added);
        for (size_t at = sizeof full; at < size; ++at) CHECK(out.bytes()[at] == 0);
    }
}

}  // namespace

TEST_CASE("options of callers with another header") {
    const std::string path = kGolden + "small.densq";
    check_options(open_options(), [&](const densq_open_options *options, densq_fault *fault) {
        densq_file *file = nullptr;
        const densq_status status = densq_open_path(&file, path.c_str(), options, fault);
        densq_close(&file);
        return status;
    });
    const std::vector<uint8_t> bytes = read_file(path);
    check_options(open_options(DENSQ_OPEN_COPY),
                  [&](const densq_open_options *options, densq_fault *fault) {
                      densq_file *file = nullptr;
                      const densq_status status =
                          densq_open_memory(&file, bytes.data(), bytes.size(), options, fault);
                      densq_close(&file);
                      return status;
                  });
    check_options(backend_options("scalar"),
                  [](const densq_backend_options *options, densq_fault *fault) {
                      densq_backend *backend = nullptr;
                      const densq_status status = densq_backend_create(&backend, options, fault);
                      densq_backend_destroy(&backend);
                      return status;
                  });
}

TEST_CASE("what callers with another header get") {
    const densq_file *file = golden().file.get();
    check_output_of<densq_metadata>(
        [&](densq_metadata *out) { return densq_get_metadata(file, 1, out); });
    check_output_of<densq_matrix>(
        [&](densq_matrix *out) { return densq_get_matrix(file, 1, out); });
    check_output_of<densq_tensor>(
        [&](densq_tensor *out) { return densq_get_tensor(file, 1, out); });
}

TEST_CASE("a later library and callers of version 0.1.0") {
    check_later_library<densq_open_options>();
    check_later_library<densq_metadata>();
    check_later_library<densq_matrix>();
    check_later_library<densq_tensor>();
    check_later_library<densq_backend_options>();
}
