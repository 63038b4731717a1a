// SPDX-License-Identifier: MIT
// What trying some rows tells of the loss, against the loss of the whole matrix.
#include <doctest/doctest.h>

#include "tests/tools/made_up_moments.hpp"
#include "tools/densq/quantize/loss_estimate.hpp"
#include "tools/densq/quantize/model_budget.hpp"

using namespace made_up;

namespace {

MatrixSource source_of(const Weights &w, const RowReader &moments = {}) {
    return {w.rows, w.cols, w.reader(w.values), w.reader(w.gradients), moments};
}

double weighted_error(const Weights &w, const QuantizedMatrix &q) {
    double sum = 0;
    for (uint32_t r = 0; r < w.rows; ++r) {
        const std::vector<double> error = error_of_row(w, q, r);
        for (uint32_t c = 0; c < w.cols; ++c)
            sum += static_cast<double>(w.gradients[size_t{r} * w.cols + c]) * error[c] * error[c];
    }
    return sum;
}

const Workers kWorkers = {2, [](uint32_t) {}};

}  // namespace

TEST_CASE("loss: of a matrix all of whose rows are tried") {
    const Weights w = make_weights(60, 100, 1);
    const Moments moments = make_moments(100, 2);
    for (const uint32_t bits : {2u, 4u})
        for (const double outliers : {0.0, 0.02}) {
            CAPTURE(bits);
            CAPTURE(outliers);
            const Options fisher = {bits, outliers, 0.001, 2, kFisherMethod};
            CHECK(LossEstimate(source_of(w), kFisherMethod).of(fisher.recipe(), kWorkers) ==
                  doctest::Approx(weighted_error(w, quantize(w, fisher))).epsilon(1e-4));
            const Options by_moments = {bits, outliers, 0.001, 2, kMomentsMethod};
            const MatrixSource source = source_of(w, moments.reader());
            const double loss =
                LossEstimate(source, kMomentsMethod).of(by_moments.recipe(), kWorkers);
            CHECK(loss == doctest::Approx(measure(w, quantize(w, by_moments, moments), moments))
                              .epsilon(1e-3));
        }
}

TEST_CASE("loss: some rows stand for all") {
    const Weights w = make_weights(1000, 64, 3);
    const Options options = {3, 0.01, 0, 2, kFisherMethod};
    const double whole = weighted_error(w, quantize(w, options));
    const double estimate =
        LossEstimate(source_of(w), kFisherMethod).of(options.recipe(), kWorkers);
    CHECK(rows_to_try(1000) < 200);
    CHECK(estimate == doctest::Approx(whole).epsilon(0.3));
}

TEST_CASE("loss: recipes to try have all bits and several shares") {
    const MatrixRecipe base = {4, 0.004, 0.0005, kMomentsMethod, kSelectError};
    const std::vector<MatrixRecipe> recipes = recipes_to_try(base);
    for (const uint32_t bits : {2u, 3u, 4u})
        CHECK(std::count_if(recipes.begin(), recipes.end(), [&](const MatrixRecipe &recipe) {
                  return recipe.bits == bits && recipe.outliers == base.outliers &&
                         recipe.sensitive == base.sensitive && recipe.method == base.method &&
                         recipe.select == base.select;
              }) == 1);
    CHECK(recipes_to_try({4, 0, 0, kFisherMethod, {}}).size() == 3);
}
