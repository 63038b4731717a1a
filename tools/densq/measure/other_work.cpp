// SPDX-License-Identifier: MIT
#include "other_work.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

namespace densq::tool {
namespace {

double in_seconds(const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

std::optional<double> seconds_worked(const std::string &stat_line, double ticks_per_second) {
    std::istringstream words(stat_line);
    std::string name;
    double user, nice, system, idle, waiting, interrupts, soft_interrupts, stolen;
    if (!(words >> name >> user >> nice >> system >> idle >> waiting >> interrupts >>
          soft_interrupts >> stolen) ||
        name != "cpu")
        return std::nullopt;
    return (user + nice + system + interrupts + soft_interrupts + stolen) / ticks_per_second;
}

OtherWork::OtherWork() : begin(now()) {}

OtherWork::Times OtherWork::now() {
    std::string line;
    std::getline(std::ifstream("/proc/stat"), line);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto clock = std::chrono::steady_clock::now().time_since_epoch();
    return {seconds_worked(line, static_cast<double>(sysconf(_SC_CLK_TCK))),
            in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime),
            std::chrono::duration<double>(clock).count()};
}

std::optional<double> OtherWork::share() const {
    const Times end = now();
    const double time = (end.clock - begin.clock) * std::thread::hardware_concurrency();
    if (!begin.all || !end.all || time <= 0) return std::nullopt;
    const double others = (*end.all - *begin.all) - (end.own - begin.own);
    return std::clamp(others / time, 0.0, 1.0);
}

}  // namespace densq::tool
