# SPDX-License-Identifier: MIT
"""A C99 program links to the static archives by plain gcc, and needs libc and libm alone; with the
backend of OpenBLAS that too, but no C++ runtime of ours.

    check_link.py CC READELF INCLUDE_DIR LIBRARY THREADS_LIBRARY [OPENBLAS_ARCHIVE FLAG...]
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from sample import product_is_right

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
SYSTEM = r"(libc|libm|ld-linux[\w-]*|ld64|ld-musl[\w-]*|libpthread)\.so(\.\d+)?"


def needed(readelf, program):
    dynamic = subprocess.run([readelf, "--dynamic", "--wide", program], check=True,
                             capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)


def links(cc, readelf, program, arguments, allowed=SYSTEM):
    source = str(Path(__file__).with_name("consumer.c"))
    subprocess.run([cc, "-std=c99", *WARNINGS, "-o", program, source, *arguments], check=True)
    libraries = needed(readelf, program)
    others = [name for name in libraries if not re.fullmatch(allowed, name)]
    print(f"{Path(program).name} needs {libraries}")
    return not others and product_is_right(program)


def main():
    cc, readelf, include_dir, library, threads_library, *openblas = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        good = [links(cc, readelf, f"{folder}/plain", ["-I", include_dir, library, "-lm"]),
                links(cc, readelf, f"{folder}/threaded",
                      ["-DWITH_THREADS", "-I", include_dir, library, threads_library, "-lm",
                       "-pthread"])]
        if openblas:
            archive, *flags = openblas
            good.append(links(cc, readelf, f"{folder}/openblas",
                              ["-DWITH_OPENBLAS", "-I", include_dir, archive, library, *flags,
                               "-lm"], rf"{SYSTEM}|libopenblas\w*\.so(\.\d+)?"))
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
