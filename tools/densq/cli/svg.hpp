// SPDX-License-Identifier: MIT
// svg.hpp - a small picture: panels with axes, in colours that follow the viewer's light or dark
// mode.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace densq::tool {

// Text of XML: the characters that it reserves or forbids are replaced.
std::string xml_text(std::string_view text);

struct Axis {
    double begin, end;  // values at its ends
    std::string title;
};

// A rectangle of the picture in which marks are placed by their values.
class Panel {
public:
    // `y`: where its title begins, in the picture.
    Panel(double y, const std::string &title, const Axis &x, const Axis &y_axis);

    // What is outside of the axes is cut off.  `kind`: "bar", "other", "mark".
    void add_bar(const char *kind, double left, double right, double bottom, double top);
    void add_dot(double x, double y);
    void add_line(const char *kind, double x);            // from bottom to top
    void add_x_label(double x, const std::string &text);  // below the axis
    void add_x_numbers();                                 // labels at round values
    void add_legend(const std::vector<std::pair<const char *, std::string>> &kinds);

    double pixels(double x) const;  // along the axis
    const std::string &svg() const { return body; }

    static constexpr double kWidth = 680, kHeight = 300;  // of the axes; of everything

private:
    double x_of(double value) const;
    double y_of(double value) const;
    void add_text(const char *kind, const char *anchor, double x, double y, std::string_view text);
    void add_grid();

    const double top;
    const Axis x_axis, y_axis;
    std::string body;
};

// The picture as a file, panels below each other.
std::string svg_of(const std::vector<Panel> &panels);

}  // namespace densq::tool
