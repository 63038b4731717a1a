// SPDX-License-Identifier: MIT
#include "plan_file.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "json_reports.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/fingerprint.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/format/input_file.hpp"
#include "tools/densq/format/output_file.hpp"

namespace densq::tool {
namespace {

using PlanJson = nlohmann::ordered_json;

constexpr int kPlanVersion = 1;

PlanJson describe(const std::string &name, const PlannedMatrix &planned, const MatrixPlan &matrix) {
    PlanJson json = {{"name", name},
                     {"rows", matrix.rows},
                     {"cols", matrix.cols},
                     {"bits", matrix.bits},
                     {"nnz", matrix.nnz},
                     {"outliers", planned.recipe.outliers},
                     {"sensitive", planned.recipe.sensitive},
                     {"method", planned.recipe.method},
                     {"select", planned.recipe.select}};
    if (planned.origin.stacked) {
        json["tensor"] = planned.origin.tensor;
        json["slice"] = planned.origin.slice;
        json["transposed"] = planned.origin.transposed;
    }
    return json;
}

PlanJson describe(const ModelPlan &plan) {
    PlanJson json = {{"matrices", PlanJson::array()}, {"tensors", PlanJson::array()}};
    for (const auto &[name, planned] : plan.matrices)
        json["matrices"].push_back(describe(name, planned, plan.file.matrices.at(name)));
    for (const auto &[name, tensor] : plan.file.tensors)
        json["tensors"].push_back(
            {{"name", name}, {"dtype", dtype_name(tensor.dtype)}, {"shape", tensor.shape}});
    return json;
}

QuantizeOptions parse_options(const PlanJson &json) {
    QuantizeOptions options;
    const PlanJson &stored = json.at("options");
    options.model = json.at("model");
    options.gradients = json.at("gradients");
    if (json.contains("moments")) options.moments = json.at("moments");
    if (stored.contains("budget"))
        options.budget = stored.at("budget");
    else
        options.bits = stored.at("bits");
    options.outliers = stored.at("outliers");
    options.sensitive = stored.at("sensitive");
    options.unweighted = !stored.at("weighted").get<bool>();
    const auto read = [&](const char *key, auto *value) {
        if (stored.contains(key)) stored.at(key).get_to(*value);
    };
    read("include", &options.include);
    read("exclude", &options.exclude);
    read("drop", &options.drop);
    read("bits_for", &options.bits_for);
    read("expert_layout", &options.expert_layout);
    read("method", &options.method);
    read("select", &options.select);
    return options;
}

std::map<std::string, MatrixRecipe> parse_recipes(const PlanJson &json) {
    std::map<std::string, MatrixRecipe> recipes;
    for (const PlanJson &matrix : json.at("matrices"))
        recipes[matrix.at("name")] = {matrix.at("bits"), matrix.at("outliers"),
                                      matrix.at("sensitive"), matrix.at("method"),
                                      matrix.at("select")};
    return recipes;
}

}  // namespace

uint64_t layer_of(const std::string &tensor) { return layer_number(tensor).value_or(0); }

uint64_t count_layers(const ModelPlan &plan) {
    uint64_t layers = 1;
    for (const auto &[name, planned] : plan.matrices)
        layers = std::max(layers, layer_of(planned.origin.tensor) + 1);
    for (const auto &[name, tensor] : plan.file.tensors)
        layers = std::max(layers, layer_of(name) + 1);
    return layers;
}

uint64_t fingerprint_of(const ModelPlan &plan, const InputChecksums &checksums) {
    Fingerprint print;
    for (const auto &[key, value] : plan.file.metadata) {
        print.add(key);
        print.add(value);
    }
    for (const auto &[name, planned] : plan.matrices) {
        const MatrixPlan &matrix = plan.file.matrices.at(name);
        print.add(name);
        for (const uint64_t number :
             {uint64_t{matrix.rows}, uint64_t{matrix.cols}, uint64_t{matrix.bits},
              uint64_t{matrix.nnz}, planned.origin.slice, uint64_t{planned.origin.transposed},
              std::bit_cast<uint64_t>(planned.recipe.outliers),
              std::bit_cast<uint64_t>(planned.recipe.sensitive)})
            print.add(number);
        print.add(planned.recipe.method);
        print.add(planned.recipe.select);
        print.add(planned.origin.tensor);
    }
    for (const auto &[name, tensor] : plan.file.tensors) {
        print.add(name);
        print.add(uint64_t{tensor.dtype});
        for (const uint32_t dimension : tensor.shape) print.add(uint64_t{dimension});
    }
    for (const Checksums *sums : {&checksums.model, &checksums.gradients, &checksums.moments})
        for (const auto &[name, sum] : *sums) {
            print.add(name);
            print.add(uint64_t{sum});
        }
    return print.value();
}

void write_plan_file(const OutputTarget &target, const QuantizeOptions &options,
                     const ModelPlan &plan, const InputChecksums &checksums) {
    const auto absolute = [](const std::string &path) {
        return path.empty() ? "" : std::filesystem::absolute(path).string();
    };
    PlanJson json = {{"densq_plan", kPlanVersion},
                     {"tool", "densq " + version_text()},
                     {"model", absolute(options.model)},
                     {"gradients", absolute(options.gradients)},
                     {"moments", absolute(options.moments)},
                     {"options", PlanJson::parse(options_json(options))},
                     {"layers", count_layers(plan)},
                     {"fingerprint", fingerprint_text(fingerprint_of(plan, checksums))}};
    json.update(describe(plan));
    json["checksums"] = {{"model", checksums.model},
                         {"gradients", checksums.gradients},
                         {"moments", checksums.moments}};
    std::filesystem::remove(target.partial);  // what a killed run left
    write_file(target.partial, json.dump(1) + '\n');
    std::filesystem::rename(target.partial, target.path);
}

StoredPlan read_plan_file(const std::string &path) {
    const std::optional<std::string> text = read_text(path);
    if (!text) throw DataError(path + ": no such file");
    try {
        const PlanJson json = PlanJson::parse(*text);
        if (json.at("densq_plan") != kPlanVersion)
            throw DataError(path + ": is a plan of version " + json.at("densq_plan").dump() +
                            ", this densq reads version " + std::to_string(kPlanVersion));
        StoredPlan stored = {parse_options(json), {}, 0, {}};
        if (!stored.options.budget.empty()) stored.recipes = parse_recipes(json);
        json.at("checksums").at("model").get_to(stored.checksums.model);
        json.at("checksums").at("gradients").get_to(stored.checksums.gradients);
        if (json.at("checksums").contains("moments"))  // plans of before have none
            json.at("checksums").at("moments").get_to(stored.checksums.moments);
        const auto fingerprint = parse_fingerprint(json.at("fingerprint"));
        if (!fingerprint) throw DataError(path + ": its fingerprint is no hexadecimal number");
        stored.fingerprint = *fingerprint;
        return stored;
    } catch (const PlanJson::exception &error) {
        throw DataError(path + ": not a plan of densq quantize --plan: " + error.what());
    }
}

}  // namespace densq::tool
