# SPDX-License-Identifier: MIT
"""The README's C code and the programs of examples/c compile without a warning, link and multiply.

    check_examples.py CC INCLUDE_DIR LIBRARY README MATVEC SHARED_INPUT
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from sample import ROWS, X, product_is_right

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
MAIN = f"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{{
    const float x[] = {{{", ".join(map(str, X))}}};
    float y[{ROWS}];
    const size_t enough = 1 << 20;
    void *workspace = malloc(enough);
    const int status = argc == 2 ? multiply(argv[1], x, y, workspace, enough) : 2;
    for (int r = 0; r < {ROWS}; ++r) printf("%.9g\\n", (double)y[r]);
    free(workspace);
    return status;
}}
"""


def works(cc, source, program, include_dir, library, names=()):
    subprocess.run([cc, "-std=c99", *WARNINGS, "-I", include_dir, "-o", program, source, library,
                    "-lm"], check=True)
    return product_is_right(program, names, tolerance=1e-3)  # the fast precision


def main():
    cc, include_dir, library, readme, matvec, shared_input = sys.argv[1:]
    blocks = re.findall(r"^```c\n(.*?)^```", Path(readme).read_text(), re.M | re.S)
    good = [len(blocks) == 1]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "readme.c")
        source.write_text(blocks[0] + MAIN)
        good.append(works(cc, source, f"{folder}/readme", include_dir, library))
        good.append(works(cc, matvec, f"{folder}/matvec", include_dir, library))
        good.append(works(cc, shared_input, f"{folder}/shared_input", include_dir, library,
                          names=["sample", "sample"]))
    print(f"{len(blocks)} example in the README")
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
