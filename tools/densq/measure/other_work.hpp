// SPDX-License-Identifier: MIT
// other_work.hpp - how much of the CPUs other processes take while this one measures.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace densq::tool {

// A measurement is disturbed if others took more than this share of the CPUs' time meanwhile.
constexpr double kDisturbing = 0.05;

// Seconds that the CPUs have worked since the system began, of the first line of /proc/stat;
// nothing, if it is not such a line.
std::optional<double> seconds_worked(const std::string &stat_line, double ticks_per_second);

class OtherWork {
public:
    OtherWork();  // begins to watch

    // The share of all CPUs' time since then that others took, 0..1; nothing where the system does
    // not say it.
    std::optional<double> share() const;

private:
    struct Times {
        std::optional<double> all;
        double own, clock;
    };
    static Times now();

    Times begin;
};

// Calls attempt(), which returns what OtherWork::share does, until it was not disturbed, but `most`
// times at most; keep() is called after each that was quieter than those before.
template <typename Attempt, typename Keep>
void repeat_while_disturbed(uint32_t most, Attempt attempt, Keep keep) {
    std::optional<double> quietest;
    for (uint32_t i = 0; i < most; ++i) {
        const std::optional<double> others = attempt();
        if (!quietest || !others || *others < *quietest) {
            keep(others);
            quietest = others;
        }
        if (!others || *others <= kDisturbing) return;
    }
}

}  // namespace densq::tool
