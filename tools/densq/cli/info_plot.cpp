// SPDX-License-Identifier: MIT
#include "info_plot.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "svg.hpp"
#include "terminal_text.hpp"

namespace densq::tool {
namespace {

// A layer is what the first number in the name of a matrix says; matrices without one are a layer
// of their own behind the others.
struct Layer {
    bool numbered;
    std::string stack;   // "model.layers"
    std::string number;  // "11"

    // Numbers of any length by their value.
    auto key() const { return std::tuple(!numbered, stack, number.size(), number); }
    bool operator<(const Layer &other) const { return key() < other.key(); }
};

Layer find_layer(const std::string &name) {
    const std::string pattern = without_numbers(name);
    const size_t star = pattern.find('*');
    if (star == std::string::npos) return {false, "others", ""};
    return {true, star ? name.substr(0, star - 1) : "the model",
            name.substr(star, name.find('.', star) - star)};
}

using LayerMatrices = std::map<Layer, std::vector<const MatrixEntry *>>;

double sparse_percent(double nnz, double weights) { return 100 * nnz / weights; }

// Some numbers below the axis, and a line where another stack begins.
void label_layers(const LayerMatrices &layers, Panel *panel) {
    constexpr double kLabelPixels = 34, kShortPixels = 24;
    double at = 0, labelled = -kLabelPixels;
    std::string stack = layers.begin()->first.stack;
    for (const auto &[layer, matrices] : layers) {
        const double x = panel->pixels(at += 1);
        const bool begins = layer.stack != stack;
        if (begins) panel->add_line("axis", at - 0.5);
        if (x - labelled >= (begins ? kShortPixels : kLabelPixels)) {
            panel->add_x_label(at, layer.numbered ? layer.number : layer.stack);
            labelled = x;
        }
        stack = layer.stack;
    }
}

std::string layers_title(const LayerMatrices &layers) {
    std::vector<std::string> stacks;
    for (const auto &[layer, matrices] : layers)
        if (stacks.empty() || stacks.back() != layer.stack) stacks.push_back(layer.stack);
    std::string title = "layer of " + stacks.front();
    for (size_t i = 1; i < stacks.size(); ++i) title += ", then of " + stacks[i];
    return columns_of(title) > 90 ? fit(title, 90) : title;
}

// A bar for each layer, a dot for each of its matrices.
Panel layers_panel(
    const LayerMatrices &layers, double y, const std::string &title, const std::string &unit,
    const std::function<double(const MatrixEntry &)> &of_matrix,
    const std::function<double(const std::vector<const MatrixEntry *> &)> &of_layer) {
    double most = 0;
    for (const auto &[layer, matrices] : layers)
        for (const MatrixEntry *matrix : matrices) most = std::max(most, of_matrix(*matrix));
    const double count = static_cast<double>(layers.size());
    Panel panel(y, title, {0.5, count + 0.5, layers_title(layers)},
                {0, most > 0 ? most * 1.08 : 1, unit});
    double at = 0;
    for (const auto &[layer, matrices] : layers) {
        at += 1;
        panel.add_bar("bar", at - 0.4, at + 0.4, 0, of_layer(matrices));
        std::set<std::pair<int, int>> drawn;  // thousands of experts need few dots
        const double step = 0.8 / static_cast<double>(matrices.size());
        for (size_t i = 0; i < matrices.size(); ++i) {
            const double x = at - 0.4 + step * (static_cast<double>(i) + 0.5);
            const double value = of_matrix(*matrices[i]);
            if (drawn.emplace(panel.pixels(x) / 3, value / (most > 0 ? most : 1) * 100).second)
                panel.add_dot(x, value);
        }
    }
    label_layers(layers, &panel);
    panel.add_legend({{"bar", "the layer"}, {"dot", "its matrices"}});
    return panel;
}

double bits_of_layer(const std::vector<const MatrixEntry *> &matrices) {
    double bytes = 0, weights = 0;
    for (const MatrixEntry *matrix : matrices) {
        bytes += static_cast<double>(matrix->bytes);
        weights += matrix->weights();
    }
    return 8 * bytes / weights;
}

double sparse_of_layer(const std::vector<const MatrixEntry *> &matrices) {
    double nnz = 0, weights = 0;
    for (const MatrixEntry *matrix : matrices) {
        nnz += matrix->nnz;
        weights += matrix->weights();
    }
    return sparse_percent(nnz, weights);
}

Panel row_panel(const PlottedRow &row, double y) {
    constexpr size_t kBins = 136;
    const auto [first, last] = std::minmax_element(row.weights.begin(), row.weights.end());
    const double low = *first, high = *last;
    const double margin = std::max({(high - low) * 0.02, std::abs(high) * 1e-3, 1e-30});
    const double begin = low - margin, width = (high + margin - begin) / kBins;
    std::vector<double> dense(kBins), all(kBins);
    for (size_t i = 0; i < row.weights.size(); ++i) {
        const auto bin = std::min(static_cast<size_t>((row.weights[i] - begin) / width), kBins - 1);
        all[bin] += 1;
        if (!row.sparse[i]) dense[bin] += 1;
    }
    const auto sparse = std::count(row.sparse.begin(), row.sparse.end(), true);
    Panel panel(y, text_of("Row %u of %s", row.row, row.matrix.c_str()),
                {begin, begin + width * kBins, "weight in the original model"},
                {0, *std::max_element(all.begin(), all.end()) * 1.08, "weights"});
    for (size_t i = 0; i < kBins; ++i) {
        const double left = begin + width * static_cast<double>(i);
        panel.add_bar("bar", left, left + width * 0.9, 0, dense[i]);
        panel.add_bar("other", left, left + width * 0.9, dense[i], all[i]);
    }
    for (const float centroid : row.centroids) panel.add_line("mark", centroid);
    panel.add_x_numbers();
    panel.add_legend({{"bar", text_of("%zu weights", row.weights.size())},
                      {"other", text_of("%td of them also sparse", sparse)},
                      {"mark", text_of("%zu centroids", row.centroids.size())}});
    return panel;
}

}  // namespace

std::string plot_svg(const FileFacts &facts, const PlottedRow *row) {
    LayerMatrices layers;
    for (const MatrixEntry &matrix : facts.contents.matrices)
        layers[find_layer(matrix.name)].push_back(&matrix);
    std::vector<Panel> panels;
    panels.push_back(layers_panel(
        layers, 0, "Bits a weight by layer", "bits, with tables and sparse part",
        [](const MatrixEntry &matrix) { return matrix.bits_per_weight(); }, bits_of_layer));
    panels.push_back(layers_panel(
        layers, Panel::kHeight, "Sparse share by layer", "% of the weights",
        [](const MatrixEntry &matrix) { return sparse_percent(matrix.nnz, matrix.weights()); },
        sparse_of_layer));
    if (row) panels.push_back(row_panel(*row, 2 * Panel::kHeight));
    return svg_of(panels);
}

}  // namespace densq::tool
