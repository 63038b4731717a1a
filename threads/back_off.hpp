// SPDX-License-Identifier: MIT
// back_off.hpp - when the caller of a pool works alone.
//
// On a machine whose CPUs are all taken, a worker may lose its CPU with a grain in its hands, and
// the caller then waits for it, for as long as other processes keep the CPU.  After such a wait the
// caller does its jobs alone for a while: for longer each time, and for shorter times after many
// jobs without one.
#pragma once
#include <stdint.h>

namespace densq {

class BackOff {
public:
    bool works_alone(int64_t now) const { return now < until_; }

    // After a job in which the caller worked and then waited for workers, in nanoseconds.
    void note_job(int64_t now, int64_t worked, int64_t waited) {
        if (waited > kLongWait && waited > worked) {
            length_ = length_ == 0 ? kShortest : length_ < kLongest ? 2 * length_ : kLongest;
            until_ = now + length_;
            calm_jobs_ = 0;
        } else if (length_ != 0 && ++calm_jobs_ == kCalmJobs) {
            length_ = length_ > kShortest ? length_ / 2 : 0;
            calm_jobs_ = 0;
        }
    }

private:
    static constexpr int64_t kLongWait = 500000, kShortest = 4000000, kLongest = 32000000;
    static constexpr uint32_t kCalmJobs = 50;

    int64_t until_, length_;  // of the time alone, in nanoseconds
    uint32_t calm_jobs_;      // since the last long wait
};

}  // namespace densq
