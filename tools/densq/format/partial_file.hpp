// SPDX-License-Identifier: MIT
// partial_file.hpp - the file in which an output grows: it is seen beside its target, locked, has
// its whole size from the start, and says what it is, so that a later run can go on with it.
#pragma once
#include <cstdint>
#include <string>

#include "output_target.hpp"

namespace densq::tool {

// Whether a path leads to one.
bool is_partial_file(const std::filesystem::path &path);

class PartialFile {
public:
    // Opens or makes it, and locks it.  DataError if another run has it, or if it is another's
    // file.
    explicit PartialFile(const OutputTarget &target);
    ~PartialFile();  // removes it if nothing in it is worth keeping
    PartialFile(const PartialFile &) = delete;
    PartialFile &operator=(const PartialFile &) = delete;

    enum class State {
        kEmpty,
        kUnfinished,  // of the fingerprint
        kComplete,    // a densq file, but for its proof and its name
    };
    State state() const { return found; }
    uint64_t fingerprint() const { return found_fingerprint; }

    // Both give it its size and mark it; DataError if there is no room.
    void begin(uint64_t fingerprint, uint64_t bytes);  // and forgets what it held
    void go_on(uint64_t fingerprint, uint64_t bytes);

    void write(uint64_t offset, const void *data, uint64_t bytes);
    void read(uint64_t offset, void *data, uint64_t bytes) const;
    void sync();
    void keep() { worth_keeping = true; }

    // Proves it and gives it the target's name.
    void complete();

private:
    bool open_and_lock();
    void identify();
    void mark(uint64_t fingerprint);
    void reserve(uint64_t bytes);
    void set_mode(mode_t mode);
    [[noreturn]] void fail(const char *what) const;

    const OutputTarget target;
    int file = -1;
    State found = State::kEmpty;
    uint64_t found_fingerprint = 0;
    bool worth_keeping = false;
};

}  // namespace densq::tool
