#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes unicode_tables.cpp: the code points that the pre-tokenizer's pattern tells apart."""

import sys
import unicodedata

WHITE_SPACE = {0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
               *range(0x09, 0x0E), *range(0x2000, 0x200B)}


def ranges(belongs):
    """[first, last] of every run of code points that belong."""
    runs = []
    for code in range(sys.maxunicode + 1):
        if not belongs(code):
            continue
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return runs


def table(name, runs):
    lines = [f"const std::vector<CodeRange> {name} = {{"]
    line = "   "
    for first, last in runs:
        item = f" {{0x{first:X}, 0x{last:X}}},"
        if len(line) + len(item) > 100:
            lines.append(line)
            line = "   "
        line += item
    return "\n".join([*lines, line, "};"])


def main():
    category = unicodedata.category
    print("// SPDX-License-Identifier: MIT")
    version = unicodedata.unidata_version
    print(f"// unicode_tables.cpp - written by unicode_tables.py, Unicode {version}.")
    print('#include "unicode.hpp"\n\nnamespace llama {\n\n// clang-format off')
    print(table("kLetters", ranges(lambda code: category(chr(code))[0] == "L")) + "\n")
    print(table("kNumbers", ranges(lambda code: category(chr(code))[0] == "N")) + "\n")
    print(table("kWhiteSpace", ranges(WHITE_SPACE.__contains__)))
    print("// clang-format on\n\n}  // namespace llama")


if __name__ == "__main__":
    main()
