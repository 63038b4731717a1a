// SPDX-License-Identifier: MIT
// info_command.cpp - densq info: what a file holds, for people, as JSON or as a picture.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "commands.hpp"
#include "file_facts.hpp"
#include "info_plot.hpp"
#include "info_report.hpp"
#include "json_reports.hpp"
#include "plotted_row.hpp"
#include "tools/densq/errors.hpp"
#include "tools/densq/format/output_file.hpp"

namespace densq::tool {
namespace fs = std::filesystem;

namespace {

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// The bytes of one value and nothing else.
void print_metadata(const densq_file *file, const InfoOptions &options) {
    if (const auto text = find_text(file, options.metadata)) return print(*text);
    std::string keys;
    for (const MetadataEntry &entry : list_metadata(file))
        keys += (keys.empty() ? "" : ", ") + entry.key;
    throw DataError(options.file + ": has no metadata entry '" + options.metadata + "'; it has " +
                    (keys.empty() ? "none" : keys));
}

// The picture appears whole or not at all.
void save_picture(const std::string &path, const std::string &svg) {
    if (fs::exists(path) && !fs::is_regular_file(path))
        throw DataError(path + ": is there and is no file; name another for the picture");
    const std::string partial = path + ".partial";
    fs::remove(partial);
    try {
        write_file(partial, svg);
        fs::rename(partial, path);
    } catch (...) {
        std::error_code ignored;
        fs::remove(partial, ignored);
        throw;
    }
}

void plot(const densq_file *file, const FileFacts &facts, const InfoOptions &options) {
    if (!options.plot.ends_with(".svg"))
        throw UsageError("--plot: '" + options.plot + "' does not end with .svg");
    if (facts.contents.matrices.empty())
        throw DataError(options.file + ": has no matrices, so that there is nothing to plot");
    std::optional<PlottedRow> row;
    if (!options.model.empty()) row = read_plotted_row(file, options);
    save_picture(options.plot, plot_svg(facts, row ? &*row : nullptr));
}

}  // namespace

void info_command(const InfoOptions &options) {
    const File file = open_file(options.file, DENSQ_OPEN_SKIP_CHECKSUM);
    if (!options.metadata.empty()) return print_metadata(file.get(), options);
    const FileFacts facts = gather_facts(file.get(), options.file);
    if (!options.plot.empty()) plot(file.get(), facts, options);
    if (options.json)
        print(contents_json(facts) + "\n");
    else
        print(options.all ? table_text(facts.contents) : summary_text(facts));
}

}  // namespace densq::tool
