// SPDX-License-Identifier: MIT
// report.hpp - what the emulator found wrong with a kernel.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cuda/launch_shape.hpp"

namespace densq::emulator {

using device::Dim;

// Where in the source a word of the vocabulary stands.
struct Site {
    const char *file = "";
    int line = 0;

    static constexpr Site here(const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        return {file, line};
    }

    bool operator==(const Site &other) const;
    std::string text() const;
};

enum class Kind {
    kSharedBounds,     // outside of its array in shared memory
    kGlobalBounds,     // outside of all buffers, or a store to one that is only to be read
    kMisaligned,       // not a multiple of the access's size
    kUninitialised,    // reads what nobody has written
    kRace,             // unordered accesses of two threads to a byte, one of them a write
    kReadOnly,         // a read-only load of what this launch has written
    kAsyncPending,     // touches bytes whose asynchronous copy was not waited for
    kAsyncUnfinished,  // exits with asynchronous copies that were not waited for
    kDivergence,       // threads wait at different places
    kEarlyExit,        // threads wait for one that has exited
    kBadMask,          // a mask of sync_warp without the calling lane
    kBadArgument,      // a lane beyond the warp, a launch that no GPU takes
};

const char *name(Kind kind);

// Findings of one kind, kernel and place are one; `what` tells of the first.
struct Finding {
    Kind kind;
    std::string kernel;
    Dim block;
    uint32_t thread;
    Site site;
    std::string what;
    size_t count;

    std::string text() const;
};

class Report {
public:
    void add(Finding finding);
    const std::vector<Finding> &findings() const { return list; }
    size_t count(Kind kind) const;  // places, not occurrences
    std::string text() const;

private:
    std::vector<Finding> list;
};

}  // namespace densq::emulator
