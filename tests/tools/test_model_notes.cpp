// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include "tools/densq/quantize/model_notes.hpp"

using namespace densq::tool;

namespace {

bool has(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("notes: nothing to say") {
    ModelNotes notes;
    notes.add("a", {});
    CHECK(notes.warnings().empty());
}

TEST_CASE("notes: one warning of a kind for all matrices, with the worst of them") {
    ModelNotes notes;
    notes.add("a", {3, 0.021, 0});
    notes.add("b", {});
    notes.add("c", {1, 0.987, 9});
    notes.add("d", {2, 0.5, 4});
    const std::vector<std::string> warnings = notes.warnings();
    REQUIRE(warnings.size() == 2);
    CHECK(has(warnings[0], "6 rows of 3 matrices: fp16"));
    CHECK(has(warnings[0], "up to 99 % (in 'c')"));
    CHECK(has(warnings[0], "--exclude"));
    CHECK(has(warnings[1], "13 rows of 2 matrices: most gradients are zero"));
    CHECK(has(warnings[1], "in 'c'"));
}

TEST_CASE("notes: a single row") {
    ModelNotes notes;
    notes.add("a", {1, 0.0123, 0});
    REQUIRE(notes.warnings().size() == 1);
    CHECK(has(notes.warnings()[0], "1 row of 1 matrix: "));
    CHECK(has(notes.warnings()[0], "up to 2 %"));
}
