// SPDX-License-Identifier: MIT
// progress_bar.hpp - a progress bar on stderr, if that is a terminal; with rate and time left.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace densq::tool {

class ProgressBar {
public:
    ProgressBar(uint64_t total_weights, bool quiet);
    ~ProgressBar();  // clears the line

    void begin(const std::string &what);  // names what the next weights belong to
    void add(uint64_t weights);           // from any thread

private:
    using Clock = std::chrono::steady_clock;

    void draw(Clock::time_point now) const;
    std::string pace(double seconds) const;

    const uint64_t total;
    const bool shown;
    const Clock::time_point started = Clock::now();
    uint64_t done = 0;
    std::string label;
    Clock::time_point drawn;
    std::mutex mutex;
};

}  // namespace densq::tool
