// SPDX-License-Identifier: MIT
// kmeans.hpp - weighted k-means of numbers on a line, globally optimal.
//
// Optimal clusters are intervals of the sorted values, so a clustering is a path of `k` steps over
// them, and a step from i to j costs the weighted squared deviation of values i..j-1 from their
// mean.  These costs are concave Monge, therefore the best cost f(k) of k clusters is convex in k,
// and for some penalty lambda the path that is cheapest when every step costs lambda more has
// exactly k steps: it is then the optimum (Lagrangian duality without a gap).  A cheapest path
// takes O(n log n) with a queue of candidates (Galil and Park 1992), and few penalties need to be
// tried, since f(k) falls like k^-2.  Where ties keep k from being hit, dynamic programming over k
// decides (Wu 1991; Gronlund et al. 2017).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace densq::tool {

// Finds the centroids of one row after the other; keeps its memory between them.
class KMeans {
public:
    explicit KMeans(uint32_t k) : clusters(k) {}

    // At most `clusters` centroids, ascending, that minimize sum_i weight[i] (value[i] - its
    // centroid)^2.  Finite values; weights >= 0, all of them 1 if they are all zero or NULL.
    // `count` >= 1.  Fewer centroids only where there are fewer distinct values that have weight.
    const std::vector<double> &fit(const float *values, const float *weights, size_t count);

private:
    struct Point {
        uint32_t key;  // orders like the value
        float weight;
    };
    // Sums of w and w v over the first values.  The rests hold what rounding took from them, so that
    // a difference is accurate however little it is of the whole.
    struct Prefix {
        double weight, weight_rest, sum, sum_rest;
    };
    struct Candidate {
        uint32_t from;   // a cluster's first value
        uint32_t start;  // it is the best beginning for clusters that end here or later
    };

    void collect(const float *values, const float *weights, size_t count);
    void sort_points();
    void merge_equal();
    uint32_t cheapest_path(double penalty);
    bool search_penalty();
    void solve_by_layers();
    void solve_layer(const std::vector<double> &before, std::vector<double> *cost, uint32_t *from,
                     uint32_t low, uint32_t high, uint32_t first, uint32_t last) const;
    void compute_centroids();

    uint32_t points_end() const { return static_cast<uint32_t>(value.size()); }
    // Sums of w and w v over values [from, to).
    double weight_of(uint32_t from, uint32_t to) const {
        const Prefix &a = prefix[from], &b = prefix[to];
        return (b.weight - a.weight) + (b.weight_rest - a.weight_rest);
    }
    double sum_of(uint32_t from, uint32_t to) const {
        const Prefix &a = prefix[from], &b = prefix[to];
        return (b.sum - a.sum) + (b.sum_rest - a.sum_rest);
    }
    // The cost of one cluster of values [from, to), less a constant of each value.  Weights of less
    // than 2^-100 of the whole may vanish; such a cluster costs nothing.
    double cluster_cost(uint32_t from, uint32_t to) const {
        const double weight = weight_of(from, to), sum = sum_of(from, to);
        return weight > 0 ? -sum * sum / weight : 0;
    }
    bool is_better(uint32_t later, uint32_t earlier, uint32_t to) const;

    uint32_t clusters;
    double center = 0;            // weighted mean of the values
    double relative_penalty = 0;  // of the last row, per total cost: where the next search starts
    std::vector<Point> points, scratch;
    std::vector<double> value;   // distinct, ascending, less `center`
    std::vector<Prefix> prefix;  // [values + 1]
    std::vector<double> path_cost;
    std::vector<uint32_t> path_from;
    std::vector<Candidate> queue;
    std::vector<uint32_t> boundaries;  // of the clusters, [0, ..., n]
    std::vector<double> centroids;
};

}  // namespace densq::tool
