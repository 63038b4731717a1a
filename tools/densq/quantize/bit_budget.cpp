// SPDX-License-Identifier: MIT
#include "bit_budget.hpp"

#include <algorithm>

namespace densq::tool {
namespace {

using Ways = std::vector<StoringWay>;

// From one way of a thing to the next on the hull.
struct Step {
    size_t thing, way;
    uint64_t bytes;
    double gain;  // of loss

    double rate() const { return gain / static_cast<double>(bytes); }
};

size_t smallest(const Ways &ways) { return static_cast<size_t>(&smallest_way(ways) - ways.data()); }

// The steps of a thing along the lower convex hull of bytes and loss, each of a lower rate than the
// one before.
void add_steps(size_t thing, const Ways &ways, std::vector<Step> *steps) {
    for (size_t at = smallest(ways);;) {
        Step best = {thing, at, 1, 0};
        for (size_t way = 0; way < ways.size(); ++way) {
            if (ways[way].bytes <= ways[at].bytes || ways[way].loss >= ways[at].loss) continue;
            const Step step = {thing, way, ways[way].bytes - ways[at].bytes,
                               ways[at].loss - ways[way].loss};
            // Of two on one line the farther.
            if (step.rate() > best.rate() ||
                (step.rate() == best.rate() && step.bytes > best.bytes))
                best = step;
        }
        if (best.way == at) return;
        steps->push_back(best);
        at = best.way;
    }
}

// While anything fits: the change of one thing that gains most.
void fill_up(const std::vector<Ways> &things, uint64_t budget, SpentBudget *spent) {
    for (;;) {
        Step best = {0, 0, 0, 0};
        for (size_t thing = 0; thing < things.size(); ++thing) {
            const StoringWay &now = things[thing][spent->ways[thing]];
            for (size_t way = 0; way < things[thing].size(); ++way) {
                const StoringWay &other = things[thing][way];
                if (spent->bytes - now.bytes + other.bytes <= budget &&
                    now.loss - other.loss > best.gain)
                    best = {thing, way, 0, now.loss - other.loss};
            }
        }
        if (best.gain <= 0) return;
        size_t &way = spent->ways[best.thing];
        spent->bytes += things[best.thing][best.way].bytes - things[best.thing][way].bytes;
        spent->loss -= best.gain;
        way = best.way;
    }
}

}  // namespace

const StoringWay &smallest_way(const Ways &ways) {
    return *std::min_element(ways.begin(), ways.end(), [](const auto &a, const auto &b) {
        return a.bytes != b.bytes ? a.bytes < b.bytes : a.loss < b.loss;
    });
}

// The linear relaxation: along the hulls, the steps of the highest rates; its last step would be
// taken in part, which gives the bound.
std::optional<SpentBudget> spend_budget(const std::vector<Ways> &things, uint64_t budget) {
    SpentBudget spent;
    std::vector<Step> steps;
    for (size_t thing = 0; thing < things.size(); ++thing) {
        const size_t way = smallest(things[thing]);
        spent.ways.push_back(way);
        spent.bytes += things[thing][way].bytes;
        spent.loss += things[thing][way].loss;
        add_steps(thing, things[thing], &steps);
    }
    if (spent.bytes > budget) return std::nullopt;
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step &a, const Step &b) { return a.rate() > b.rate(); });
    auto step = steps.begin();
    for (; step != steps.end() && step->bytes <= budget - spent.bytes; ++step) {
        spent.ways[step->thing] = step->way;
        spent.bytes += step->bytes;
        spent.loss -= step->gain;
    }
    spent.bound = spent.loss;
    if (step != steps.end())
        spent.bound -= step->rate() * static_cast<double>(budget - spent.bytes);
    fill_up(things, budget, &spent);
    return spent;
}

}  // namespace densq::tool
