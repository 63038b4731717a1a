// SPDX-License-Identifier: MIT
// shadow.hpp - for each byte of memory that kernels write, who has touched it.
#pragma once
#include <string>

#include "order.hpp"

namespace densq::emulator {

struct ShadowByte {
    Access write;
    Access reads;                // since that write, of the last epoch that has any
    bool async_pending = false;  // a copy_async is under way
};

// What an access of `thread` to a byte collides with: an access without order to it, or nullptr.
inline const Access *record_read(ShadowByte &byte, const Order &order, const Access &now,
                                 uint32_t thread) {
    byte.reads.merge(now);
    return order.before(byte.write, thread) ? nullptr : &byte.write;
}

inline const Access *collides_with_write(const ShadowByte &byte, const Order &order,
                                         uint32_t thread) {
    if (!order.before(byte.write, thread)) return &byte.write;
    return order.before(byte.reads, thread) ? nullptr : &byte.reads;
}

inline void record_write(ShadowByte &byte, const Access &now) {
    byte.write = now;
    byte.reads = {};
}

inline std::string describe(const Access &other) {
    const std::string who =
        other.warp == kManyWarps ? "several warps" : "warp " + std::to_string(other.warp);
    return "what " + who + " touched at " + other.site.text() + ", without order between them";
}

}  // namespace densq::emulator
