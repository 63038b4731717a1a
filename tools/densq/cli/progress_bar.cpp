// SPDX-License-Identifier: MIT
#include "progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace densq::tool {
namespace {

constexpr int kBarWidth = 20;

// Columns of the terminal on stderr; many if it does not say.
size_t terminal_width() {
    winsize size = {};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : SIZE_MAX;
}

template <typename... Values>
std::string format_text(const char *format, Values... values) {
    char text[96];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

std::string time_text(double seconds) {
    const auto whole = static_cast<unsigned long long>(std::ceil(seconds));
    if (whole < 60) return format_text("%llu s", whole);
    if (whole < 3600) return format_text("%llu min %02llu s", whole / 60, whole % 60);
    return format_text("%llu h %02llu min", whole / 3600, whole / 60 % 60);
}

// The end of a name tells more than its beginning.
std::string last_part(const std::string &name, size_t columns) {
    if (name.size() <= columns) return name;
    return columns > 3 ? "..." + name.substr(name.size() - (columns - 3)) : "";
}

}  // namespace

ProgressBar::ProgressBar(uint64_t total_weights, bool quiet)
    : total(total_weights ? total_weights : 1), shown(!quiet && isatty(STDERR_FILENO)) {}

ProgressBar::~ProgressBar() {
    if (shown) std::fputs("\r\033[K", stderr);
}

void ProgressBar::begin(const std::string &what) {
    const std::lock_guard lock(mutex);
    label = what;
    if (shown) draw(Clock::now());
}

void ProgressBar::add(uint64_t weights) {
    const std::lock_guard lock(mutex);
    done += weights;
    const auto now = Clock::now();
    if (!shown || now - drawn < std::chrono::milliseconds(100)) return;
    drawn = now;
    draw(now);
}

void ProgressBar::draw(Clock::time_point now) const {
    const double part = static_cast<double>(done) / static_cast<double>(total);
    const std::string bar(static_cast<size_t>(part * kBarWidth), '#');
    const std::chrono::duration<double> time = now - started;
    const std::string line =
        format_text("[%-*s] %3.0f %%  ", kBarWidth, bar.c_str(), part * 100) + pace(time.count());
    const size_t width = terminal_width();  // the last column stays empty: some terminals wrap
    const size_t left = width > line.size() + 1 ? width - line.size() - 1 : 0;
    std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last_part(label, left).c_str());
}

// Rate and time left, once there is something to measure.
std::string ProgressBar::pace(double seconds) const {
    if (done == 0 || seconds < 0.5) return "";
    const double rate = static_cast<double>(done) / seconds;
    const double left = static_cast<double>(total - done) / rate;
    return format_text("%.1f M weights/s  ", rate / 1e6) + time_text(left) + " left  ";
}

}  // namespace densq::tool
