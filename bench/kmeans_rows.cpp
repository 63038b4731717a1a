// SPDX-License-Identifier: MIT
// kmeans_rows.cpp - densq-kmeans-rows FILE COLUMNS CLUSTERS REPEATS: clusters rows, for kmeans.py.
//
// FILE holds rows of COLUMNS F32 values, each followed by as many F32 weights.  Prints one line for
// each row: the best time of REPEATS in seconds, and the objective in F64.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "tools/densq/quantize/kmeans.hpp"

namespace {

double objective_of(const std::vector<double> &centroids, const float *values, const float *weights,
                    size_t count) {
    double total = 0;
    for (size_t i = 0; i < count; ++i) {
        double nearest = INFINITY;
        for (const double centroid : centroids)
            nearest = std::min(nearest, std::abs(static_cast<double>(values[i]) - centroid));
        total += static_cast<double>(weights[i]) * nearest * nearest;
    }
    return total;
}

}  // namespace

int main(int argc, char **argv) {
    const unsigned long cols = argc == 5 ? std::strtoul(argv[2], nullptr, 10) : 0;
    const unsigned long clusters = argc == 5 ? std::strtoul(argv[3], nullptr, 10) : 0;
    const unsigned long repeats = argc == 5 ? std::strtoul(argv[4], nullptr, 10) : 0;
    if (!cols || !clusters || !repeats) {
        std::fprintf(stderr, "usage: densq-kmeans-rows FILE COLUMNS CLUSTERS REPEATS\n");
        return 2;
    }
    std::ifstream in(argv[1], std::ios::binary);
    std::vector<float> row(2 * cols);
    const auto row_bytes = static_cast<std::streamsize>(row.size() * sizeof(float));
    densq::tool::KMeans kmeans(static_cast<uint32_t>(clusters));
    while (in.read(reinterpret_cast<char *>(row.data()), row_bytes)) {
        double best = INFINITY, objective = 0;
        for (unsigned long repeat = 0; repeat < repeats; ++repeat) {
            const auto begin = std::chrono::steady_clock::now();
            const std::vector<double> &centroids = kmeans.fit(row.data(), row.data() + cols, cols);
            const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
            best = std::min(best, time.count());
            objective = objective_of(centroids, row.data(), row.data() + cols, cols);
        }
        std::printf("%.9f %.17g\n", best, objective);
    }
    if (in.eof() && in.gcount() == 0) return 0;
    std::fprintf(stderr, "densq-kmeans-rows: cannot read whole rows from %s\n", argv[1]);
    return 1;
}
