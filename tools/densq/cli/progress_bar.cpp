// SPDX-License-Identifier: MIT
#include "progress_bar.hpp"

#include <unistd.h>

#include <cstdio>

namespace densq::tool {

ProgressBar::ProgressBar(uint64_t total_, bool quiet)
    : total(total_ ? total_ : 1), shown(!quiet && isatty(STDERR_FILENO)) {}

ProgressBar::~ProgressBar() {
    if (shown) std::fputs("\r\033[K", stderr);
}

void ProgressBar::begin(const std::string &what) {
    const std::lock_guard lock(mutex);
    label = what;
    if (shown) draw();
}

void ProgressBar::add(uint64_t steps) {
    const std::lock_guard lock(mutex);
    done += steps;
    const auto now = std::chrono::steady_clock::now();
    if (!shown || now - drawn < std::chrono::milliseconds(100)) return;
    drawn = now;
    draw();
}

void ProgressBar::draw() {
    constexpr int kWidth = 30;
    const double part = static_cast<double>(done) / static_cast<double>(total);
    const std::string bar(static_cast<size_t>(part * kWidth), '#');
    std::fprintf(stderr, "\r\033[K[%-*s] %3.0f %%  %s", kWidth, bar.c_str(), part * 100,
                 label.c_str());
}

}  // namespace densq::tool
