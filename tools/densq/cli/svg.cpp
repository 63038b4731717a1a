// SPDX-License-Identifier: MIT
#include "svg.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "terminal_text.hpp"
#include "tools/densq/format/text.hpp"

namespace densq::tool {
namespace {

constexpr double kPictureWidth = 780, kLeft = 74, kPlotTop = 44, kPlotHeight = 190;
constexpr size_t kTitleColumns = 96;

constexpr const char *kStyle = R"(<style>
svg { background: #ffffff; }
text { font: 12px sans-serif; fill: #24292f; }
.title { font-size: 14px; font-weight: bold; }
.paper { fill: #ffffff; }
.grid { stroke: #d8dee4; }
.axis { stroke: #57606a; }
.bar { fill: #8db9e8; }
.other { fill: #d1495b; }
.dot { fill: #0b4a94; }
.mark { stroke: #b35900; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; }
  text { fill: #e6edf3; }
  .paper { fill: #0d1117; }
  .grid { stroke: #30363d; }
  .axis { stroke: #8b949e; }
  .bar { fill: #2f5f97; }
  .other { fill: #ff7b8a; }
  .dot { fill: #a5d0ff; }
  .mark { stroke: #ffb055; }
}
</style>
)";

// The distance of about `count` round values between two.
double round_step(double distance, double count) {
    const double step = std::pow(10, std::floor(std::log10(distance / count)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (distance / (step * factor) <= count) return step * factor;
    return step * 10;
}

// Calls visit(value) for about `count` round values between the ends.
template <typename Visit>
void for_each_round(const Axis &axis, double count, Visit visit) {
    const double step = round_step(axis.end - axis.begin, count);
    const auto last = static_cast<int64_t>(std::floor(axis.end / step + 1e-6));
    for (auto i = static_cast<int64_t>(std::ceil(axis.begin / step)); i <= last; ++i)
        visit(static_cast<double>(i) * step);
}

}  // namespace

std::string xml_text(std::string_view text) {
    std::string result = printable(text);
    const auto replace = [&](std::string_view what, std::string_view by) {
        for (size_t at = 0; (at = result.find(what, at)) != std::string::npos; at += by.size())
            result.replace(at, what.size(), by);
    };
    replace("&", "&amp;");
    replace("<", "&lt;");
    replace(">", "&gt;");
    replace("\"", "&quot;");
    replace("\xEF\xBF\xBE", "\xEF\xBF\xBD");  // U+FFFE and U+FFFF are no characters of XML
    replace("\xEF\xBF\xBF", "\xEF\xBF\xBD");
    return result;
}

Panel::Panel(double y, const std::string &title, const Axis &x, const Axis &y_axis_)
    : top(y), x_axis(x), y_axis(y_axis_) {
    const std::string shown = columns_of(title) > kTitleColumns ? fit(title, kTitleColumns) : title;
    add_text("title", "start", kLeft, top + 20, shown);
    add_text("", "start", kLeft, top + kPlotTop - 6, y_axis.title);
    add_grid();
}

double Panel::pixels(double x) const {
    const double share = (x - x_axis.begin) / (x_axis.end - x_axis.begin);
    return std::clamp(share, 0.0, 1.0) * kWidth;
}

double Panel::x_of(double value) const { return kLeft + pixels(value); }

double Panel::y_of(double value) const {
    const double share = (value - y_axis.begin) / (y_axis.end - y_axis.begin);
    return top + kPlotTop + kPlotHeight * (1 - std::clamp(share, 0.0, 1.0));
}

void Panel::add_text(const char *kind, const char *anchor, double x, double y,
                     std::string_view text) {
    body += text_of("<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", kind,
                    anchor, x, y, xml_text(text).c_str());
}

void Panel::add_grid() {
    for_each_round(y_axis, 6, [&](double value) {
        const double y = y_of(value);
        body += text_of("<path class=\"%s\" d=\"M%.1f %.1fh%.0f\"/>\n",
                        value == y_axis.begin ? "axis" : "grid", kLeft, y, kWidth);
        add_text("", "end", kLeft - 8, y + 4, text_of("%g", value));
    });
    add_text("", "middle", kLeft + kWidth / 2, top + kPlotTop + kPlotHeight + 38, x_axis.title);
}

void Panel::add_bar(const char *kind, double left, double right, double bottom, double top_value) {
    if (!(top_value > bottom)) return;
    const double x = x_of(left), y = y_of(top_value), low = y_of(bottom);
    const double height = std::max(low - y, 1.5);  // so that one of many is seen
    body += text_of("<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
                    kind, x, low - height, std::max(x_of(right) - x, 0.3), height);
}

void Panel::add_dot(double x, double y) {
    body +=
        text_of("<circle class=\"dot\" r=\"1.8\" cx=\"%.0f\" cy=\"%.0f\"/>\n", x_of(x), y_of(y));
}

void Panel::add_line(const char *kind, double x) {
    body += text_of("<path class=\"%s\" d=\"M%.2f %.1fv%.1f\"/>\n", kind, x_of(x), top + kPlotTop,
                    kPlotHeight);
}

void Panel::add_x_label(double x, const std::string &text) {
    add_text("", "middle", x_of(x), top + kPlotTop + kPlotHeight + 18, text);
}

void Panel::add_x_numbers() {
    for_each_round(x_axis, 8, [&](double value) { add_x_label(value, text_of("%g", value)); });
}

void Panel::add_legend(const std::vector<std::pair<const char *, std::string>> &kinds) {
    double x = kLeft + kWidth;
    for (auto kind = kinds.rbegin(); kind != kinds.rend(); ++kind) {
        add_text("", "end", x, top + kPlotTop - 6, kind->second);
        x -= 6.6 * static_cast<double>(columns_of(kind->second)) + 14;
        const double y = top + kPlotTop - 10;
        body +=
            std::string_view(kind->first) == "mark"
                ? text_of("<path class=\"mark\" d=\"M%.1f %.1fh10\"/>\n", x, y)
            : std::string_view(kind->first) == "dot"
                ? text_of("<circle class=\"dot\" r=\"2.5\" cx=\"%.1f\" cy=\"%.1f\"/>\n", x + 5, y)
                : text_of("<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\"/>\n",
                          kind->first, x, y - 5);
        x -= 16;
    }
}

std::string svg_of(const std::vector<Panel> &panels) {
    const double height = static_cast<double>(panels.size()) * Panel::kHeight;
    std::string svg = text_of("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
                              "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n",
                              kPictureWidth, height, kPictureWidth, height);
    svg += kStyle;
    svg +=
        text_of("<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\"/>\n", kPictureWidth, height);
    for (const Panel &panel : panels) svg += panel.svg();
    return svg + "</svg>\n";
}

}  // namespace densq::tool
