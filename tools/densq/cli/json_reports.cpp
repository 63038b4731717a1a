// SPDX-License-Identifier: MIT
#include "json_reports.hpp"

#include <nlohmann/json.hpp>

#include "plan_report.hpp"
#include "tools/densq/format/handles.hpp"
#include "tools/densq/format/shallow_json.hpp"

namespace densq::tool {
namespace {

using Json = nlohmann::ordered_json;

Json describe(const MatrixEntry &matrix) {
    return {{"name", matrix.name},
            {"rows", matrix.rows},
            {"cols", matrix.cols},
            {"bits", matrix.bits},
            {"nnz", matrix.nnz},
            {"bytes", matrix.bytes},
            {"bits_per_weight", matrix.bits_per_weight()}};
}

Json describe(const EntryGroup &group) {
    Json json = {{"name", group.name}, {"count", group.count}, {"shape", group.shape}};
    if (group.quantized) {
        json["bits"] = group.bits;
        json["nnz"] = group.nnz;
    } else {
        json["dtype"] = group.dtype;
    }
    json["bytes"] = group.bytes;
    return json;
}

// All but the entries and their sums.
Json describe(const FileFacts &facts) {
    const FileTotals &totals = facts.contents.totals;
    Json json = {
        {"architecture",
         {{"model_type", facts.architecture.model_type}, {"classes", facts.architecture.classes}}},
        {"parameters",
         {{"all", totals.parameters()},
          {"in_matrices", totals.weights},
          {"in_tensors", totals.plain_elements}}},
        {"tool", facts.tool},
        {"options", nullptr},
        {"choice", Json::array()},
        {"modified", facts.modified},
        {"problems", facts.problems},
        {"groups", Json::array()}};
    if (!facts.options_json.empty()) json["options"] = parse_shallow(facts.options_json);
    for (const Choice &choice : facts.choices)
        json["choice"].push_back({{"group", choice.group},
                                  {"kept", choice.kept},
                                  {"why", choice.why},
                                  {"tensors", choice.tensors},
                                  {"weights", choice.weights},
                                  {"bytes", choice.bytes}});
    for (const EntryGroup &group : facts.groups) json["groups"].push_back(describe(group));
    return json;
}

Json describe(const BenchResult &result, const BenchResult &read) {
    Json json;
    json["threads"] = result.threads;
    json["backend"] = result.backend.empty() ? "read" : result.backend;
    if (!result.backend.empty()) {
        json["precision"] = precision_name(result.precision);
        json["batch"] = result.batch;
    }
    const std::pair<const char *, double> quantiles[] = {
        {"min", 0}, {"p10", 0.1}, {"p25", 0.25}, {"median", 0.5}, {"p75", 0.75}, {"p90", 0.9}};
    json["calls"] = result.seconds.size();
    for (const auto &[name, q] : quantiles) json["microseconds"][name] = result.quantile(q) * 1e6;
    json["gb_per_s"] = gigabytes_per_second(result);
    if (!result.way.empty()) json["way"] = result.way;
    if (result.others) json["others"] = *result.others;
    if (!result.backend.empty()) {
        json["read_gb_per_s"] = gigabytes_per_second(read);
        json["share_of_read"] = read.median() / result.median();
    }
    return json;
}

Json describe(const MatrixReport &matrix) {
    Json json = {{"name", matrix.name},    {"rows", matrix.rows}, {"cols", matrix.cols},
                 {"bits", matrix.bits},    {"nnz", matrix.nnz},   {"bytes", matrix.bytes},
                 {"copies", matrix.copies}};
    for (const BenchResults &results : matrix.results)
        for (const BenchResult &result : results)
            json["results"].push_back(describe(result, results[0]));
    return json;
}

Json describe(const SelftestResult &result) {
    Json json = {{"backend", result.backend},
                 {"precision", precision_name(result.precision)},
                 {"rows", result.rows},
                 {"cols", result.cols},
                 {"bits", result.bits},
                 {"nnz", result.nnz},
                 {"nonzeros", result.nonzeros},
                 {"batch", result.batch},
                 {"x", dtype_name(result.x_dtype)},
                 {"y", dtype_name(result.y_dtype)},
                 {"passed", result.passed()},
                 {"wrong_outputs", result.comparison.wrong},
                 {"error_of_allowed", result.comparison.worst}};
    if (!result.passed()) json["reason"] = result.reason();
    return json;
}

}  // namespace

std::string options_json(const QuantizeOptions &options) {
    Json json;
    if (options.budget.empty())
        json["bits"] = options.bits;
    else
        json["budget"] = options.budget;
    json["outliers"] = options.outliers;
    json["sensitive"] = options.unweighted ? "0%" : options.sensitive;
    json["weighted"] = !options.unweighted;
    const auto add = [&](const char *key, const auto &value) {
        if (!value.empty()) json[key] = value;
    };
    add("include", options.include);
    add("exclude", options.exclude);
    add("drop", options.drop);
    add("bits_for", options.bits_for);
    add("expert_layout", options.expert_layout);
    if (chosen_method(options) != kFisherMethod) json["method"] = chosen_method(options);
    add("select", options.select);
    return json.dump();
}

std::string choice_json(const ModelPlan &plan) {
    Json json = Json::array();
    for (const GroupTotals &group : plan.groups)
        json.push_back({{"group", group.title},
                        {"kept", fate_name(group.fate)},
                        {"why", group.why},
                        {"tensors", group.tensors},
                        {"weights", group.weights},
                        {"bytes", group.bytes}});
    return json.dump();
}

std::string slices_json(const ModelPlan &plan, const Checkpoint &model) {
    Json json;
    for (const auto &[name, matrix] : plan.matrices)
        if (matrix.origin.stacked)
            json[matrix.origin.tensor] = {
                {"slices", model.tensors.at(matrix.origin.tensor).tensor->shape[0]},
                {"transposed", matrix.origin.transposed}};
    return json.empty() ? "" : json.dump();
}

std::string contents_json(const FileFacts &facts) {
    const FileContents &contents = facts.contents;
    Json json = describe(facts);
    json["matrices"] = Json::array();
    json["tensors"] = Json::array();
    json["metadata"] = Json::array();
    for (const MatrixEntry &matrix : contents.matrices)
        json["matrices"].push_back(describe(matrix));
    for (const TensorEntry &tensor : contents.tensors)
        json["tensors"].push_back({{"name", tensor.name},
                                   {"dtype", tensor.dtype},
                                   {"shape", tensor.shape},
                                   {"bytes", tensor.bytes}});
    for (const MetadataEntry &entry : contents.metadata)
        json["metadata"].push_back({{"key", entry.key}, {"bytes", entry.bytes}});
    const FileTotals &totals = contents.totals;
    json["totals"] = {{"weights", totals.weights},
                      {"nnz", totals.nnz},
                      {"matrix_bytes", totals.matrix_bytes},
                      {"tensor_bytes", totals.tensor_bytes},
                      {"metadata_bytes", totals.metadata_bytes},
                      {"file_bytes", totals.file_bytes},
                      {"bits_per_weight", totals.bits_per_weight()}};
    return json.dump(2);
}

std::string bench_json(const BenchReport &report) {
    Json json = {{report.on_cpu ? "cpu" : "device", report.device},
                 {"cpus", report.cpus},
                 {"pages", report.pages},
                 {"load_average", report.load_average},
                 {"cold_bytes", report.cold_bytes},
                 {"seconds", report.seconds},
                 {"matrices", Json::array()}};
    for (const MatrixReport &matrix : report.matrices) json["matrices"].push_back(describe(matrix));
    return json.dump(2);
}

std::string selftest_json(const std::map<std::string, std::string> &devices,
                          const std::vector<SelftestResult> &results) {
    size_t failed = 0;
    Json cases = Json::array();
    for (const SelftestResult &result : results) {
        failed += !result.passed();
        cases.push_back(describe(result));
    }
    const Json json = {{"version", version_text()},
                       {"devices", devices},
                       {"products", results.size()},
                       {"failed", failed},
                       {"cases", cases}};
    return json.dump(2);
}

}  // namespace densq::tool
