// SPDX-License-Identifier: MIT
// test_kmeans.cpp - k-means on a line is optimal: against all segmentations, and against a plain
// dynamic program.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "densq/half.h"
#include "tools/densq/quantize/gradient_floor.hpp"
#include "tools/densq/quantize/kmeans.hpp"

using densq::tool::KMeans;

namespace {

struct Row {
    std::vector<float> values, weights;
};

struct Sorted {
    std::vector<double> value, weight;  // ascending; without those that have no weight
};

Sorted sort_row(const Row &row) {
    const bool weighted = std::any_of(row.weights.begin(), row.weights.end(),
                                      [](float weight) { return weight > 0; });
    std::vector<std::pair<double, double>> pairs;
    for (size_t i = 0; i < row.values.size(); ++i) {
        const double weight = weighted ? static_cast<double>(row.weights[i]) : 1.0;
        if (weight > 0) pairs.emplace_back(static_cast<double>(row.values[i]), weight);
    }
    std::sort(pairs.begin(), pairs.end());
    Sorted sorted;
    for (const auto &[value, weight] : pairs) {
        sorted.value.push_back(value);
        sorted.weight.push_back(weight);
    }
    return sorted;
}

// Cost of one cluster, summed anew.
double cost_of(const Sorted &row, size_t from, size_t to) {
    double weight = 0, sum = 0, cost = 0;
    for (size_t i = from; i < to; ++i) {
        weight += row.weight[i];
        sum += row.weight[i] * (row.value[i] - row.value[from]);
    }
    const double mean = row.value[from] + sum / weight;
    for (size_t i = from; i < to; ++i) cost += row.weight[i] * std::pow(row.value[i] - mean, 2);
    return cost;
}

double best_segmentation(const Sorted &row, size_t from, uint32_t k) {
    const size_t end = row.value.size();
    if (from == end) return 0;
    double best = k == 1 ? cost_of(row, from, end) : INFINITY;
    for (size_t to = from + 1; k > 1 && to <= end; ++to)
        best = std::min(best, cost_of(row, from, to) + best_segmentation(row, to, k - 1));
    return best;
}

// Costs of the best clusterings with 1, 2, ..., k clusters.
std::vector<double> best_costs(const Sorted &row, uint32_t k) {
    const size_t end = row.value.size();
    std::vector<std::vector<double>> cluster(end, std::vector<double>(end + 1));
    for (size_t from = 0; from < end; ++from) {
        double weight = 0, mean = 0, cost = 0;  // grown value by value (Welford)
        for (size_t i = from; i < end; ++i) {
            weight += row.weight[i];
            const double step = row.value[i] - mean;
            mean += step * row.weight[i] / weight;
            cost += row.weight[i] * step * (row.value[i] - mean);
            cluster[from][i + 1] = cost;
        }
    }
    std::vector<double> before(end + 1, INFINITY), costs;
    before[0] = 0;
    for (uint32_t layer = 0; layer < k; ++layer) {
        std::vector<double> now(end + 1, INFINITY);
        now[0] = 0;
        for (size_t to = 1; to <= end; ++to)
            for (size_t from = 0; from < to; ++from)
                now[to] = std::min(now[to], before[from] + cluster[from][to]);
        before = now;
        costs.push_back(now[end]);
    }
    return costs;
}

double objective_of(const Sorted &row, const std::vector<double> &centroids) {
    double total = 0;
    for (size_t i = 0; i < row.value.size(); ++i) {
        double nearest = INFINITY;
        for (const double centroid : centroids)
            nearest = std::min(nearest, std::abs(row.value[i] - centroid));
        total += row.weight[i] * nearest * nearest;
    }
    return total;
}

void check_centroids(const Sorted &row, const std::vector<double> &centroids, uint32_t k) {
    const size_t distinct = std::set<double>(row.value.begin(), row.value.end()).size();
    CHECK(centroids.size() == std::min<size_t>(k, distinct));
    for (size_t i = 1; i < centroids.size(); ++i) CHECK(centroids[i - 1] < centroids[i]);
    CHECK(centroids.front() >= row.value.front() - 1e-12 * std::abs(row.value.front()));
    CHECK(centroids.back() <= row.value.back() + 1e-12 * std::abs(row.value.back()));
}

void check_small(const Row &row) {
    const Sorted sorted = sort_row(row);
    for (uint32_t k = 1; k <= 4; ++k) {
        CAPTURE(k);
        const auto centroids =
            KMeans(k).fit(row.values.data(), row.weights.data(), row.values.size());
        check_centroids(sorted, centroids, k);
        const double best = best_segmentation(sorted, 0, k);
        const double total = best_segmentation(sorted, 0, 1);
        CHECK(std::abs(objective_of(sorted, centroids) - best) <= 1e-12 * total);
    }
}

void check_row(const Row &row, uint32_t most_clusters = 16) {
    const Sorted sorted = sort_row(row);
    const std::vector<double> best = best_costs(sorted, most_clusters);
    for (uint32_t k = 1; k <= most_clusters; ++k) {
        CAPTURE(k);
        const auto centroids =
            KMeans(k).fit(row.values.data(), row.weights.data(), row.values.size());
        check_centroids(sorted, centroids, k);
        CHECK(std::abs(objective_of(sorted, centroids) - best[k - 1]) <= 1e-12 * best[0]);
    }
}

std::mt19937 make_random(unsigned seed) { return std::mt19937(seed); }

float brain(float value) { return densq_bf16_to_f32(densq_f32_to_bf16(value)); }

// Values as of a layer, weights as of squared gradients.
Row make_row(std::mt19937 *random, size_t count) {
    std::normal_distribution<float> normal;
    Row row;
    for (size_t i = 0; i < count; ++i) {
        row.values.push_back(0.02f * normal(*random));
        row.weights.push_back(std::exp(3 * normal(*random)));
    }
    return row;
}

}  // namespace

TEST_CASE("k-means: rows of every kind against all segmentations") {
    check_small({{5}, {1}});
    check_small({{5, 5, 5}, {1, 2, 3}});
    check_small({{-1, 1}, {1, 1}});
    check_small({{0.0f, -0.0f, 1}, {1, 1, 1}});
    check_small({{1, 2, 3, 4}, {0, 0, 0, 0}});                          // no weights at all
    check_small({{1, 2, 3, 4, 100}, {1, 0, 0, 1, 0}});                  // few with weight
    check_small({{3, 1, 2, 1, 3, 2, 1, 3}, {1, 1, 1, 1, 1, 1, 1, 1}});  // duplicates
    check_small({{-3, -2, -2, -1, -7, -7}, {1, 5, 1, 1, 2, 2}});
    check_small({{-1e4f, -1.0001e4f, -0.9999e4f, 1e4f, 1.0001e4f, 0.9999e4f}, {1, 2, 1, 1, 2, 1}});
    check_small({{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 1, 1, 1, 1, 1, 1, 1}});  // ties
    check_small({{0, 1, 0, 1, 2, 2}, {1e-30f, 1e-30f, 2e-30f, 1e-30f, 1e-30f, 1e-30f}});
}

TEST_CASE("k-means: random small rows against all segmentations") {
    std::mt19937 random = make_random(1);
    for (int trial = 0; trial < 400; ++trial) {
        CAPTURE(trial);
        Row row;
        const size_t count = 1 + random() % 9;
        const bool weightless = random() % 10 == 0;
        for (size_t i = 0; i < count; ++i) {
            row.values.push_back(static_cast<float>(static_cast<int>(random() % 21) - 10) / 4);
            row.weights.push_back(weightless ? 0.0f : static_cast<float>(random() % 4));
        }
        check_small(row);
    }
}

TEST_CASE("k-means: without weights all count the same") {
    std::mt19937 random = make_random(2);
    const Row row = make_row(&random, 100);
    const std::vector<float> ones(100, 1.0f), zeros(100, 0.0f);
    const auto expected = KMeans(8).fit(row.values.data(), ones.data(), 100);
    CHECK(KMeans(8).fit(row.values.data(), nullptr, 100) == expected);
    CHECK(KMeans(8).fit(row.values.data(), zeros.data(), 100) == expected);
}

TEST_CASE("k-means: longer rows against dynamic programming") {
    std::mt19937 random = make_random(3);
    for (const size_t count : {2u, 16u, 17u, 18u, 40u, 100u, 300u}) {
        CAPTURE(count);
        Row row = make_row(&random, count);
        check_row(row);
        for (float &value : row.values) value = brain(value);
        check_row(row);
        for (float &weight : row.weights) weight *= 1e-12f * static_cast<float>(random() % 2);
        check_row(row);
        for (float &value : row.values) value += 100;  // far from zero
        check_row(row);
    }
}

TEST_CASE("k-means: ties, which no penalty resolves, are optimal too") {
    for (const size_t count : {17u, 32u, 64u, 100u, 255u, 300u}) {
        CAPTURE(count);
        Row row;
        for (size_t i = 0; i < count; ++i) {
            row.values.push_back(static_cast<float>(i) - 40);
            row.weights.push_back(1);
        }
        check_row(row);
        for (float &value : row.values) value = std::floor(value / 3);
        check_row(row);
        for (float &value : row.values) value = value * value;
        check_row(row);
    }
}

TEST_CASE("k-means: clusters far apart") {
    std::mt19937 random = make_random(4);
    Row row = make_row(&random, 200);
    for (size_t i = 0; i < 200; ++i) row.values[i] += i % 2 ? 3000.0f : -3000.0f;
    check_row(row);
    row.values[0] = 65504;
    row.values[1] = -65504;
    check_row(row);
}

TEST_CASE("k-means: weights of any range") {
    std::mt19937 random = make_random(5);
    for (const float widest : {10.0f, 17.0f, 25.0f, 37.0f}) {
        CAPTURE(widest);
        for (int trial = 0; trial < 20; ++trial) {
            CAPTURE(trial);
            Row row = make_row(&random, 100);
            std::uniform_real_distribution<float> exponent(-widest, 0);
            for (float &weight : row.weights) weight = std::pow(10.0f, exponent(random));
            check_row(row);
        }
    }
}

TEST_CASE("k-means: what counts 2^-40 of the heaviest is still placed well") {
    std::mt19937 random = make_random(7);
    for (int trial = 0; trial < 20; ++trial) {
        CAPTURE(trial);
        Row row = make_row(&random, 200);
        for (size_t i = 0; i < 200; ++i) row.weights[i] = i < 8 ? 1.0f : 1e-30f;
        densq::tool::lift_gradients(&row.weights);
        const Sorted sorted = sort_row(row);
        const auto centroids = KMeans(16).fit(row.values.data(), row.weights.data(), 200);
        const double best = best_costs(sorted, 16).back();
        CHECK(best < 1e-10 * best_costs(sorted, 1).back());  // else it would show nothing
        CHECK(objective_of(sorted, centroids) <= 1.01 * best);
    }
}

TEST_CASE("k-means: a used KMeans does as a fresh one") {
    std::mt19937 random = make_random(6);
    for (const uint32_t k : {4u, 8u, 16u}) {
        KMeans used(k);
        for (int trial = 0; trial < 30; ++trial) {
            CAPTURE(trial);
            Row row = make_row(&random, 1 + random() % 300);
            if (trial % 3 == 0)
                for (float &value : row.values) value = std::round(100 * value);
            const size_t count = row.values.size();
            const auto fresh = KMeans(k).fit(row.values.data(), row.weights.data(), count);
            const auto again = used.fit(row.values.data(), row.weights.data(), count);
            const Sorted sorted = sort_row(row);
            REQUIRE(again.size() == fresh.size());
            const double total = objective_of(sorted, {sorted.value[0]});
            CHECK(std::abs(objective_of(sorted, again) - objective_of(sorted, fresh)) <=
                  1e-12 * total);
            const double span = sorted.value.back() - sorted.value.front();
            if (trial % 3 != 0)  // no ties: the same clusters
                for (size_t i = 0; i < fresh.size(); ++i)
                    CHECK(std::abs(again[i] - fresh[i]) <= 1e-9 * span);
        }
    }
}
