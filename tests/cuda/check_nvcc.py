# SPDX-License-Identifier: MIT
"""nvcc compiles CUDA sources for all targets without a warning, a spill or a stack frame.

    check_nvcc.py NVCC REPOSITORY SOURCE...

Exit status 77, which Meson takes for "skipped", if NVCC is "".
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TARGETS = (75, 80, 86, 89, 90, 100, 120)
FLAGS = ("-std=c++20", "-O3", "-fmad=false", "-Werror", "all-warnings",
         "-Xcompiler", "-Wall,-Wextra,-Wshadow", "-Xptxas", "-v,-warn-spills,-warn-lmem-usage")
FUNCTION = re.compile(r"Function properties for (\w+)\s+(\d+) bytes stack frame, "
                      r"(\d+) bytes spill stores, (\d+) bytes spill loads")


def compile_for(nvcc, root, source, target, output):
    """What is wrong with this source on this target, as lines."""
    command = [nvcc, *FLAGS, f"-arch=sm_{target}", f"-I{root}", f"-I{root}/include", "-c", source,
               "-o", output]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    where = f"{Path(source).name}, sm_{target}: "
    if run.returncode:
        return [where + run.stdout + run.stderr]
    functions = FUNCTION.findall(run.stderr)
    if not functions:
        return [where + "ptxas tells of no kernel:\n" + run.stderr]
    return [where + f"{name} uses {frame} bytes of stack, {stores} + {loads} spilled"
            for name, frame, stores, loads in functions if int(frame) or int(stores) or int(loads)]


def main():
    nvcc, root, *sources = sys.argv[1:]
    if not nvcc:
        print("no nvcc: skipped")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        errors = [line for source in sources for target in TARGETS
                  for line in compile_for(nvcc, root, source, target, Path(folder, "object.o"))]
    print("\n".join(errors) or f"{len(sources)} sources compile for {len(TARGETS)} targets")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
