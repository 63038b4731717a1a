// SPDX-License-Identifier: MIT
#include "nearest_word.hpp"

#include <algorithm>
#include <numeric>

namespace densq::tool {
namespace {

size_t edit_distance(const std::string &a, const std::string &b) {
    std::vector<size_t> line(b.size() + 1);  // distances of a's beginning to those of b
    std::iota(line.begin(), line.end(), size_t{0});
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = line[0];
        line[0] = i + 1;
        for (size_t j = 0; j < b.size(); ++j) {
            const size_t changed = diagonal + (a[i] != b[j]);
            diagonal = line[j + 1];
            line[j + 1] = std::min({changed, line[j] + 1, line[j + 1] + 1});
        }
    }
    return line.back();
}

}  // namespace

std::string nearest_word(const std::string &typed, const std::vector<std::string> &words) {
    std::string nearest;
    size_t least = SIZE_MAX;
    for (const std::string &word : words) {
        const size_t distance = edit_distance(typed, word);
        if (distance >= least || 3 * distance > word.size()) continue;
        least = distance;
        nearest = word;
    }
    return nearest;
}

}  // namespace densq::tool
