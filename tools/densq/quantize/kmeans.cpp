// SPDX-License-Identifier: MIT
#include "kmeans.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace densq::tool {
namespace {

constexpr size_t kCoarse = 8;

uint32_t order_key(float value) {
    const auto bits = std::bit_cast<uint32_t>(value + 0.0f);  // -0 becomes 0
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float value_of(uint32_t key) {
    return std::bit_cast<float>(key & 0x80000000u ? key & 0x7FFFFFFFu : ~key);
}

// Adds `term` to sum + rest; only rest is rounded (Knuth's two-sum).
void add_exactly(double term, double *sum, double *rest) {
    const double total = *sum + term;
    const double part = total - *sum;
    *rest += (*sum - (total - part)) + (term - part);
    *sum = total;
}

}  // namespace

void KMeans::collect(const float *values, const float *weights, size_t count) {
    points.clear();
    for (size_t i = 0; i < count; ++i)
        if (weights && weights[i] > 0) points.push_back({order_key(values[i]), weights[i]});
    if (!points.empty()) return;
    for (size_t i = 0; i < count; ++i) points.push_back({order_key(values[i]), 1.0f});
}

// A radix sort, least significant digit first.  Digits that are the same in all points, like the
// low ones of 16-bit weights, are left out.
void KMeans::sort_points() {
    constexpr uint32_t kDigitBits = 11, kDigits = 1u << kDigitBits;
    scratch.resize(points.size());
    for (uint32_t shift = 0; shift < 32; shift += kDigitBits) {
        uint32_t begin[kDigits + 1] = {};
        for (const Point &point : points) ++begin[(point.key >> shift) % kDigits + 1];
        if (begin[(points[0].key >> shift) % kDigits + 1] == points.size()) continue;
        for (uint32_t digit = 0; digit < kDigits; ++digit) begin[digit + 1] += begin[digit];
        for (const Point &point : points) scratch[begin[(point.key >> shift) % kDigits]++] = point;
        points.swap(scratch);
    }
}

// Values are taken relative to their mean, which keeps the costs small.
void KMeans::merge_equal() {
    double weight_sum = 0, sum = 0;
    for (const Point &point : points) {
        weight_sum += static_cast<double>(point.weight);
        sum += static_cast<double>(point.weight) * static_cast<double>(value_of(point.key));
    }
    center = sum / weight_sum;
    total = 0;
    value.clear();
    all.assign(1, {0, 0, 0, 0});
    some = all;
    for (size_t i = 0; i < points.size();) {
        const uint32_t key = points[i].key;
        double weight = 0;
        for (; i < points.size() && points[i].key == key; ++i)
            weight += static_cast<double>(points[i].weight);
        value.push_back(static_cast<double>(value_of(key)) - center);
        Boundary next = all.back();
        add_exactly(weight, &next.weight, &next.weight_rest);
        add_exactly(weight * value.back(), &next.sum, &next.sum_rest);
        all.push_back(next);
        if (value.size() % kCoarse == 0) some.push_back(next);
        total += weight * value.back() * value.back();
    }
    if (value.size() % kCoarse != 0) some.push_back(all.back());
}

// Compares two chains by the place where their last cluster ends: the one whose last cluster begins
// at `later`, and the one whose last cluster begins at `earlier`.  Without divisions.
class KMeans::Duel {
public:
    Duel(const Boundary *line, const double *cost, uint32_t later, uint32_t earlier)
        : begin_a(line[earlier]), begin_b(line[later]), lead(cost[later] - cost[earlier]) {}

    bool later_wins(const Boundary &to) const {
        const double weight_a = weight_between(begin_a, to), weight_b = weight_between(begin_b, to);
        const double sum_a = sum_between(begin_a, to), sum_b = sum_between(begin_b, to);
        const double gain = sum_b * sum_b * weight_a - sum_a * sum_a * weight_b;
        return weight_b > 0 && lead * weight_a * weight_b < gain;
    }

private:
    Boundary begin_a, begin_b;
    double lead;
};

// The first end at which the later begin wins; end + 1 if there is none.  At `low` it does not win
// yet.  It often wins soon after, so the search goes from there in steps that double, then halves
// what is left.
uint32_t KMeans::first_win(const Boundary *line, uint32_t end, const Duel &duel, uint32_t low) {
    if (low >= end || !duel.later_wins(line[end])) return end + 1;
    uint32_t step = 1;
    while (low + step < end && !duel.later_wins(line[low + step])) {
        low += step;
        step *= 2;
    }
    uint32_t high = std::min(low + step, end);
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        (duel.later_wins(line[middle]) ? high : low) = middle;
    }
    return high;
}

// Finds the cheapest chain of clusters from the first boundary to the last when each cluster costs
// `penalty` more; returns its number of clusters.  Once a later begin of the last cluster is better
// than an earlier one, it stays so for all later ends.
uint32_t KMeans::cheapest_chain(const Boundaries &boundaries, double penalty) {
    const auto end = static_cast<uint32_t>(boundaries.size()) - 1;
    chain_cost.resize(end + 1);
    chain_from.resize(end + 1);
    queue.resize(end + 1);
    // Checked accesses would take a third of the time.
    const Boundary *line = boundaries.data();
    double *cost = chain_cost.data();
    Candidate *front = queue.data(), *last = front;
    *front = {0, 1};
    cost[0] = 0;
    for (uint32_t to = 1; to <= end; ++to) {
        while (front < last && front[1].start <= to) ++front;
        chain_from[to] = front->from;
        cost[to] = cost[front->from] + cluster_cost(line[front->from], line[to]) + penalty;
        for (;;) {
            const Duel duel(line, cost, to, last->from);
            if (last > front && last->start > to && duel.later_wins(line[last->start])) {
                --last;
                continue;
            }
            const uint32_t start = first_win(line, end, duel, std::max(last->start, to));
            if (start <= end) *++last = {to, start};
            break;
        }
    }
    chain.assign(1, end);
    for (uint32_t to = end; to > 0; to = chain_from[to]) chain.push_back(chain_from[to]);
    std::reverse(chain.begin(), chain.end());
    return static_cast<uint32_t>(chain.size()) - 1;
}

// Returns true when a penalty gives exactly the clusters asked for.  The search begins where the
// one before has ended.
bool KMeans::search_penalty(const Boundaries &line) {
    if (relative_penalty <= 0) relative_penalty = 2.0 / (clusters * clusters * clusters);
    double penalty = relative_penalty * total;
    double low = 0, high = INFINITY;  // too many clusters, too few
    for (int tries = 0; tries < 60; ++tries) {
        const uint32_t count = cheapest_chain(line, penalty);
        if (count == clusters) {
            relative_penalty = penalty / total;
            return true;
        }
        (count > clusters ? low : high) = penalty;
        const double ratio = static_cast<double>(count) / clusters;
        double next = penalty * ratio * ratio * ratio;
        if (next <= low || next >= high) next = low > 0 ? std::sqrt(low * high) : high / 2;
        if (!(next > low && next < high)) break;  // no number between them
        penalty = next;
    }
    return false;
}

// Finds, for each last cluster that ends in [low, high], its best beginning, which lies in
// [first, last].
void KMeans::solve_layer(const std::vector<double> &before, std::vector<double> *cost,
                         uint32_t *from, uint32_t low, uint32_t high, uint32_t first,
                         uint32_t last) const {
    if (low > high) return;
    const uint32_t to = low + (high - low) / 2;
    double best = INFINITY;
    for (uint32_t i = first; i <= std::min(last, to - 1); ++i) {
        const double candidate = before[i] + cluster_cost(all[i], all[to]);
        if (candidate < best) {
            best = candidate;
            from[to] = i;
        }
    }
    (*cost)[to] = best;
    solve_layer(before, cost, from, low, to - 1, first, from[to]);
    solve_layer(before, cost, from, to + 1, high, from[to], last);
}

// Solves it by dynamic programming: each layer has one more cluster.
void KMeans::solve_by_layers() {
    const auto end = static_cast<uint32_t>(value.size());
    std::vector<double> before(end + 1, INFINITY), cost(end + 1, INFINITY);
    std::vector<uint32_t> from(static_cast<size_t>(clusters) * (end + 1));
    before[0] = 0;
    for (uint32_t layer = 0; layer < clusters; ++layer) {
        std::fill(cost.begin(), cost.end(), INFINITY);
        solve_layer(before, &cost, from.data() + static_cast<size_t>(layer) * (end + 1), layer + 1,
                    end, layer, end - 1);
        before.swap(cost);
    }
    chain.assign(1, end);
    for (uint32_t layer = clusters; layer-- > 0;)
        chain.push_back(from[static_cast<size_t>(layer) * (end + 1) + chain.back()]);
    std::reverse(chain.begin(), chain.end());
}

void KMeans::compute_centroids() {
    centroids.clear();
    for (size_t i = 0; i + 1 < chain.size(); ++i) {
        const uint32_t from = chain[i], to = chain[i + 1];
        const double weight = weight_between(all[from], all[to]);
        const double mean = weight > 0 ? sum_between(all[from], all[to]) / weight : value[from];
        centroids.push_back(center + std::clamp(mean, value[from], value[to - 1]));
    }
}

const std::vector<double> &KMeans::fit(const float *values, const float *weights, size_t count) {
    collect(values, weights, count);
    sort_points();
    merge_equal();
    if (value.size() <= clusters) {
        centroids.clear();
        for (const double centered : value) centroids.push_back(centered + center);
        return centroids;
    }
    if (some.size() > kCoarse * clusters) search_penalty(some);
    if (!search_penalty(all)) solve_by_layers();
    compute_centroids();
    return centroids;
}

}  // namespace densq::tool
