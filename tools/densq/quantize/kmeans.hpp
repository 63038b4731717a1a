// SPDX-License-Identifier: MIT
// kmeans.hpp - weighted k-means of numbers on a line, globally optimal.
//
// Optimal clusters are intervals of the sorted values, so a clustering is a chain of `k` intervals,
// and the interval from i to j costs the weighted squared deviation of values i..j-1 from their
// mean.  These costs are concave Monge, therefore the best cost f(k) of k clusters is convex in k,
// and for some penalty lambda the chain that is cheapest when every interval costs lambda more has
// exactly k of them: it is then the optimum (Lagrangian duality without a gap).  Finding a cheapest
// chain takes O(n log n) with a queue of candidates (Galil and Park 1992), and few penalties need
// to be tried, since f(k) falls like k^-2: most of them on every eighth boundary alone, where the
// right penalty is nearly the same.  Where ties keep k from being hit, dynamic programming over k
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
    // Minimal to 1e-12 of the cost of a single cluster, so that values which weigh less than 2^-40
    // of the heaviest may lie in any cluster; lift_gradients (gradient_floor.hpp) leaves none.
    const std::vector<double> &fit(const float *values, const float *weights, size_t count);

private:
    struct Point {
        uint32_t key;  // orders like the value
        float weight;
    };
    // Sums of w and w v over the values before a boundary.  The rests hold what rounding took from
    // them, so that a difference is accurate however little it is of the whole.
    struct Boundary {
        double weight, weight_rest, sum, sum_rest;
    };
    using Boundaries = std::vector<Boundary>;
    struct Candidate {
        uint32_t from;   // a cluster's begin
        uint32_t start;  // it is the best begin for clusters that end here or later
    };

    void collect(const float *values, const float *weights, size_t count);
    void sort_points();
    void merge_equal();
    uint32_t cheapest_chain(const Boundaries &boundaries, double penalty);
    bool search_penalty(const Boundaries &line);
    void solve_by_layers();
    void solve_layer(const std::vector<double> &before, std::vector<double> *cost, uint32_t *from,
                     uint32_t low, uint32_t high, uint32_t first, uint32_t last) const;
    void compute_centroids();

    // Sums of w and w v between two boundaries.
    static double weight_between(const Boundary &a, const Boundary &b) {
        return (b.weight - a.weight) + (b.weight_rest - a.weight_rest);
    }
    static double sum_between(const Boundary &a, const Boundary &b) {
        return (b.sum - a.sum) + (b.sum_rest - a.sum_rest);
    }
    // The cost of the cluster between them, less a constant of each value.  Weights of less than
    // 2^-100 of the whole may vanish; such a cluster costs nothing.
    static double cluster_cost(const Boundary &a, const Boundary &b) {
        const double weight = weight_between(a, b), sum = sum_between(a, b);
        return weight > 0 ? -sum * sum / weight : 0;
    }
    class Duel;
    static uint32_t first_win(const Boundary *line, uint32_t end, const Duel &duel, uint32_t low);

    uint32_t clusters;
    double center = 0;            // weighted mean of the values
    double relative_penalty = 0;  // of the last row, per total cost: where the next search starts
    std::vector<Point> points, scratch;
    std::vector<double> value;  // distinct, ascending, less `center`
    double total = 0;           // cost of a single cluster
    Boundaries all, some;       // of the values, [values + 1]; every eighth and the last of these
    std::vector<double> chain_cost;
    std::vector<uint32_t> chain_from;
    std::vector<Candidate> queue;
    std::vector<uint32_t> chain;  // the clusters' boundaries, [0, ..., values]
    std::vector<double> centroids;
};

}  // namespace densq::tool
