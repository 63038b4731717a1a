// SPDX-License-Identifier: MIT
// order.hpp - which accesses of a launch happen before which, by the barriers, fences and counters
// between them and not by the order in which the emulator happens to run threads.
//
// Within a thread block: sync_thread_block orders everything; sync_warp the accesses of the lanes
// in its mask. Between thread blocks: an access is published by a fence_device behind it and then
// an atomic, and acquired by an atomic on the same counter and then a fence_device; barriers may
// stand between. What another thread block acquired is not acquired through it.
#pragma once
#include <array>
#include <set>
#include <vector>

#include "report.hpp"

namespace densq::emulator {

constexpr uint32_t kManyWarps = 0xFFFFFFFFu;

// One access, or reads of several lanes of a warp (or of many warps) within one epoch.
struct Access {
    uint32_t epoch = 0;   // counts starts and barriers of thread blocks; 0: no access
    uint32_t step = 0;    // counts the sync_warps of its warp
    uint32_t fences = 0;  // counts the fences of its thread
    uint32_t warp = 0;
    uint32_t lanes = 0;
    Site site;

    void merge(const Access &other);
};

class Order {
public:
    void begin_launch() {
        launch_epoch = ++epoch;
        blocks.clear();
    }
    void begin_thread_block(uint32_t threads);

    Access access(uint32_t thread, Site site) const;
    bool before(const Access &earlier, uint32_t thread) const;
    bool of_this_thread_block(const Access &a) const {
        return a.epoch >= blocks.back().first_epoch;
    }
    bool of_this_launch(const Access &a) const { return a.epoch >= launch_epoch; }

    void sync_thread_block();
    void sync_warp(uint32_t warp, uint32_t mask);
    void fence(uint32_t thread);
    void atomic(uint32_t thread, const uint32_t *counter);

private:
    using Counters = std::set<const uint32_t *>;

    struct Publication {
        const uint32_t *counter;
        uint32_t cover;                // accesses of earlier epochs are published
        std::vector<uint32_t> fences;  // [thread]: and those before that many fences of the thread
    };

    struct ThreadBlockRecord {
        uint32_t first_epoch;
        std::vector<Publication> publications;
    };

    struct WarpOrder {
        uint32_t step = 1;
        std::array<std::array<uint32_t, 32>, 32> passed = {};  // [lane][other]: its steps before
    };

    struct ThreadOrder {
        uint32_t fences = 0;
        uint32_t cover = 0;  // epoch of its last fence
        Counters seen, acquired;
    };

    bool published(const Access &earlier, uint32_t thread) const;

    uint32_t epoch = 0, launch_epoch = 0;
    std::vector<ThreadBlockRecord> blocks;  // of this launch, the last one running
    std::vector<WarpOrder> warps;
    std::vector<ThreadOrder> threads;
    // These are as they were at the last barrier of the thread block.
    std::vector<uint32_t> fences_at_barrier;
    uint32_t cover_at_barrier = 0;
    Counters seen_at_barrier, acquired_at_barrier;
    bool fenced_since_barrier = false;
};

}  // namespace densq::emulator
