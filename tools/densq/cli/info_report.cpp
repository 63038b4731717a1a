// SPDX-License-Identifier: MIT
#include "info_report.hpp"

#include <algorithm>

#include "terminal_text.hpp"
#include "tools/densq/format/shape.hpp"
#include "tools/densq/format/text.hpp"

namespace densq::tool {
namespace {

constexpr size_t kGap = 2;

struct Column {
    std::string title;
    size_t most;  // columns that it may take
};

// Rows of a name and some figures.  The name gets what 80 columns leave; what it does with a longer
// one is the caller's choice.
class Table {
public:
    Table(std::string title_, std::vector<Column> columns_)
        : title(std::move(title_)), columns(std::move(columns_)) {}

    void add(const std::string &name, const std::vector<std::string> &figures) {
        rows.emplace_back(name, figures);
    }

    std::string text(bool shorten) const {
        if (rows.empty()) return "";
        std::vector<size_t> widths;
        size_t left = kTerminalColumns, longest = columns_of(title);
        for (size_t i = 0; i < columns.size(); ++i) {
            size_t width = columns_of(columns[i].title);
            for (const auto &[name, figures] : rows) width = std::max(width, figures[i].size());
            widths.push_back(std::min(width, columns[i].most));
            left -= std::min(left, kGap + widths[i]);
        }
        for (const auto &[name, figures] : rows) longest = std::max(longest, columns_of(name));
        const size_t name_width = std::min(longest, left);
        std::vector<std::string> titles;
        for (const Column &column : columns) titles.push_back(column.title);
        std::string result = line(title, titles, name_width, widths, false);
        for (const auto &[name, figures] : rows)
            result += line(name, figures, name_width, widths, shorten);
        return result + "\n";
    }

private:
    static std::string line(const std::string &name, const std::vector<std::string> &figures,
                            size_t name_width, const std::vector<size_t> &widths, bool shorten) {
        const bool alone = !shorten && columns_of(name) > name_width;
        std::string result =
            alone ? name + "\n" + std::string(name_width, ' ') : fit(name, name_width);
        for (size_t i = 0; i < figures.size(); ++i) {
            const std::string figure = fit(figures[i], std::min(figures[i].size(), widths[i]));
            result += std::string(kGap + widths[i] - figure.size(), ' ') + figure;
        }
        return result.substr(0, result.find_last_not_of(' ') + 1) + "\n";
    }

    const std::string title;
    const std::vector<Column> columns;
    std::vector<std::pair<std::string, std::vector<std::string>>> rows;
};

std::string number_text(uint64_t number) { return std::to_string(number); }

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

std::string shape_of(const std::vector<uint64_t> &shape) {
    return shape.empty() ? "scalar" : shape_text(shape, "x");
}

std::string architecture_text(const Architecture &architecture) {
    std::string text;
    for (const std::string &name : architecture.classes) text += (text.empty() ? "" : ", ") + name;
    if (text.empty())
        return architecture.model_type.empty() ? "not given" : architecture.model_type;
    return architecture.model_type.empty() ? text : text + " (" + architecture.model_type + ")";
}

std::string options_text(const FileFacts &facts) {
    std::string text;
    for (const auto &[name, value] : facts.options)
        text.append(text.empty() ? "" : ", ").append(name).append(" ").append(value);
    return text.empty() ? "not given" : text;
}

std::string facts_text(const FileFacts &facts) {
    const FileTotals &totals = facts.contents.totals;
    const double parameters = totals.parameters(), f16 = 2 * parameters;
    const auto file_bytes = static_cast<double>(totals.file_bytes);
    const auto per_parameter = parameters > 0 ? 8 * file_bytes / parameters : 0;
    std::string modified = facts.modified;
    std::replace(modified.begin(), modified.end(), 'T', ' ');
    const std::pair<const char *, std::string> lines[] = {
        {"architecture   ", architecture_text(facts.architecture)},
        {"parameters     ", count_text(parameters) + ": " + count_text(totals.weights) +
                                text_of(" in %zu matrices, ", facts.contents.matrices.size()) +
                                count_text(totals.plain_elements) + " plain"},
        {"bits a weight  ", text_of("%.3f in the matrices, %.3f in the whole file",
                                    totals.bits_per_weight(), per_parameter)},
        {"sparse         ",
         text_of("%.2f %% of the matrices' weights", percent(totals.nnz, totals.weights))},
        {"size           ", text_of("%s, %.1f %% of the %s as F16", size_text(file_bytes).c_str(),
                                    percent(file_bytes, f16), size_text(f16).c_str())},
        {"made by        ", facts.tool.empty() ? "not given" : facts.tool},
        {"options        ", options_text(facts)},
        {"modified       ", modified.substr(0, modified.find('Z')) + " UTC, says the file system"}};
    std::string text;
    for (const auto &[label, value] : lines) text += wrapped(label, printable(value));
    for (const std::string &problem : facts.problems)
        text += wrapped("unreadable     ", printable(problem));
    return text + "\n";
}

std::string groups_text(const FileFacts &facts) {
    constexpr size_t kMostShape = 23, kFree = 12;
    Table matrices("matrices", {{"count", kFree},
                                {"shape", kMostShape},
                                {"bits", kFree},
                                {"sparse %", kFree},
                                {"size", kFree}});
    Table tensors("plain tensors",
                  {{"count", kFree}, {"shape", kMostShape}, {"dtype", kFree}, {"size", kFree}});
    for (const EntryGroup &group : facts.groups) {
        const std::string count = number_text(group.count), shape = shape_of(group.shape),
                          size = size_text(group.bytes);
        if (group.quantized)
            matrices.add(
                group.name,
                {count, shape, number_text(group.bits),
                 text_of("%.2f", percent(static_cast<double>(group.nnz), group.elements)), size});
        else
            tensors.add(group.name, {count, shape, group.dtype, size});
    }
    Table metadata("metadata", {{"size", kFree}});
    for (const MetadataEntry &entry : facts.contents.metadata)
        metadata.add(entry.key, {size_text(entry.bytes)});
    return matrices.text(true) + tensors.text(true) + metadata.text(true);
}

std::string choices_text(const FileFacts &facts) {
    std::string text;
    for (const Choice &choice : facts.choices)
        text += wrapped(fit(printable(choice.kept), 11),
                        printable(choice.group) + ": " + number_text(choice.tensors) +
                            " tensors, " + count_text(static_cast<double>(choice.weights)) +
                            " weights, " + size_text(choice.bytes) + "; " + printable(choice.why));
    return text.empty() ? "" : "choice\n" + text + "\n";
}

}  // namespace

std::string summary_text(const FileFacts &facts) {
    return facts_text(facts) + groups_text(facts) + choices_text(facts) +
           "* stands for a number.  More: --all, --metadata KEY, --plot FILE.svg, --json\n";
}

std::string table_text(const FileContents &contents) {
    constexpr size_t kFree = 48;
    Table table(
        "name",
        {{"shape", kFree}, {"bits", kFree}, {"nnz %", kFree}, {"bytes", kFree}, {"bits/w", kFree}});
    for (const MatrixEntry &matrix : contents.matrices)
        table.add(matrix.name,
                  {shape_of({matrix.rows, matrix.cols}), number_text(matrix.bits),
                   text_of("%.2f", percent(matrix.nnz, matrix.weights())),
                   number_text(matrix.bytes), text_of("%.3f", matrix.bits_per_weight())});
    for (const TensorEntry &tensor : contents.tensors)
        table.add(tensor.name,
                  {shape_of(tensor.shape), tensor.dtype, "", number_text(tensor.bytes), ""});
    for (const MetadataEntry &entry : contents.metadata)
        table.add(entry.key, {"metadata", "", "", number_text(entry.bytes), ""});
    const FileTotals &totals = contents.totals;
    return table.text(false) +
           wrapped("",
                   text_of("%zu matrices: %.0f weights, %.2f %% sparse, ", contents.matrices.size(),
                           totals.weights, percent(totals.nnz, totals.weights)) +
                       number_text(totals.matrix_bytes) +
                       text_of(" bytes, %.3f bits per weight", totals.bits_per_weight())) +
           wrapped("", number_text(contents.tensors.size()) +
                           " plain tensors: " + number_text(totals.tensor_bytes) +
                           " bytes; metadata: " + number_text(totals.metadata_bytes) +
                           " bytes; file: " + number_text(totals.file_bytes) + " bytes");
}

}  // namespace densq::tool
