// SPDX-License-Identifier: MIT
// progress_bar.hpp - a progress bar on stderr, if that is a terminal.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace densq::tool {

class ProgressBar {
public:
    ProgressBar(uint64_t total, bool quiet);
    ~ProgressBar();  // clears the line

    void begin(const std::string &what);  // names what the next steps belong to
    void add(uint64_t steps);             // from any thread

private:
    void draw();

    const uint64_t total;
    const bool shown;
    uint64_t done = 0;
    std::string label;
    std::chrono::steady_clock::time_point drawn;
    std::mutex mutex;
};

}  // namespace densq::tool
