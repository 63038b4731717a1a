// SPDX-License-Identifier: MIT
#include "order.hpp"

#include <algorithm>

namespace densq::emulator {

using device::kWarpThreads;

// Takes the latest step for all lanes: exact unless parts of a warp synchronise on their own.
void Access::merge(const Access &other) {
    if (epoch != other.epoch) {
        *this = other;
        return;
    }
    if (warp != other.warp) warp = kManyWarps;
    lanes |= other.lanes;
    step = std::max(step, other.step);
    fences = std::max(fences, other.fences);
    site = other.site;
}

void Order::begin_thread_block(uint32_t count) {
    blocks.push_back({++epoch, {}});
    warps.assign(count / kWarpThreads, {});
    threads.assign(count, {});
    fences_at_barrier.assign(count, 0);
    cover_at_barrier = 0;
    seen_at_barrier.clear();
    acquired_at_barrier.clear();
    fenced_since_barrier = false;
}

Access Order::access(uint32_t thread, Site site) const {
    const uint32_t warp = thread / kWarpThreads;
    return {epoch, warps[warp].step, threads[thread].fences, warp, 1u << thread % kWarpThreads,
            site};
}

bool Order::before(const Access &earlier, uint32_t thread) const {
    if (!of_this_launch(earlier)) return true;
    if (!of_this_thread_block(earlier)) return published(earlier, thread);
    if (earlier.epoch < epoch) return true;
    if (earlier.warp != thread / kWarpThreads) return false;
    const uint32_t lane = thread % kWarpThreads;
    for (uint32_t other = 0; other < kWarpThreads; ++other) {
        if (!(earlier.lanes >> other & 1) || other == lane) continue;
        if (warps[earlier.warp].passed[lane][other] < earlier.step) return false;
    }
    return true;
}

bool Order::published(const Access &earlier, uint32_t thread) const {
    const auto next = std::upper_bound(
        blocks.begin(), blocks.end(), earlier.epoch,
        [](uint32_t value, const ThreadBlockRecord &block) { return value < block.first_epoch; });
    const auto covers = [&](const Publication &publication) {
        if (!threads[thread].acquired.contains(publication.counter) &&
            !acquired_at_barrier.contains(publication.counter))
            return false;
        if (earlier.epoch < publication.cover) return true;
        if (earlier.warp == kManyWarps) return false;
        for (uint32_t lane = 0; lane < kWarpThreads; ++lane)
            if (earlier.lanes >> lane & 1 &&
                publication.fences[earlier.warp * kWarpThreads + lane] <= earlier.fences)
                return false;
        return true;
    };
    const std::vector<Publication> &publications = std::prev(next)->publications;
    return std::any_of(publications.begin(), publications.end(), covers);
}

void Order::sync_thread_block() {
    ++epoch;
    if (!fenced_since_barrier) return;
    fenced_since_barrier = false;
    for (size_t i = 0; i < threads.size(); ++i) {
        fences_at_barrier[i] = threads[i].fences;
        cover_at_barrier = std::max(cover_at_barrier, threads[i].cover);
        seen_at_barrier.insert(threads[i].seen.begin(), threads[i].seen.end());
        acquired_at_barrier.insert(threads[i].acquired.begin(), threads[i].acquired.end());
    }
}

void Order::sync_warp(uint32_t warp, uint32_t mask) {
    WarpOrder &order = warps[warp];
    std::array<uint32_t, 32> passed = {};
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane) {
        if (!(mask >> lane & 1)) continue;
        for (uint32_t other = 0; other < kWarpThreads; ++other)
            passed[other] = std::max(passed[other], order.passed[lane][other]);
        passed[lane] = order.step;
    }
    for (uint32_t lane = 0; lane < kWarpThreads; ++lane)
        if (mask >> lane & 1) order.passed[lane] = passed;
    ++order.step;
}

void Order::fence(uint32_t thread) {
    ThreadOrder &order = threads[thread];
    ++order.fences;
    order.cover = epoch;
    order.acquired.insert(order.seen.begin(), order.seen.end());
    order.acquired.insert(seen_at_barrier.begin(), seen_at_barrier.end());
    fenced_since_barrier = true;
}

void Order::atomic(uint32_t thread, const uint32_t *counter) {
    ThreadOrder &order = threads[thread];
    Publication publication = {counter, std::max(cover_at_barrier, order.cover), fences_at_barrier};
    publication.fences[thread] = order.fences;
    blocks.back().publications.push_back(std::move(publication));
    order.seen.insert(counter);
    fenced_since_barrier = true;
}

}  // namespace densq::emulator
