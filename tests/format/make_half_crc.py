# SPDX-License-Identifier: MIT
"""Writes half_crc.hpp: checksums of numpy's conversions between fp16 and float.

    make_half_crc.py FILE [--check]
"""
import argparse
from pathlib import Path

import numpy as np

from make_file import crc32c

TEMPLATE = """\
// SPDX-License-Identifier: MIT
// half_crc.hpp - CRC-32C of numpy's conversions; written by make_half_crc.py.
#pragma once
#include <cstdint>

namespace densq::test {{

// The floats of all 65,536 halves in order, a NaN as 0x7FC00000.
constexpr uint32_t kFloatsOfHalvesCrc = {:#010x};
// For each finite half >= 0 in order, and for its negative: the halves of its float, and of the
// floats below, at and above the middle between it and the next half (65536 for the last one).
constexpr uint32_t kHalvesOfFloatsCrc = {:#010x};

}}  // namespace densq::test
"""


def floats_of_halves():
    floats = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32).view(np.uint32)
    floats[(floats & 0x7FFFFFFF) > 0x7F800000] = 0x7FC00000
    return floats.astype("<u4").tobytes()


def halves_of_floats():
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middle = (halves + np.append(halves[1:], np.float32(65536))) / np.float32(2)
    below, above = np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))
    floats = np.stack([halves, below, middle, above], axis=1)
    with np.errstate(over="ignore"):
        return np.stack([floats, -floats], axis=1).astype("<f2").tobytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = TEMPLATE.format(crc32c(floats_of_halves()), crc32c(halves_of_floats()))
    if not arguments.check:
        arguments.file.write_text(text, encoding="utf-8")
    elif arguments.file.read_text(encoding="utf-8") != text:
        print(f"{arguments.file} differs from what this numpy gives")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
