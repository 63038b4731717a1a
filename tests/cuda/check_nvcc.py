# SPDX-License-Identifier: MIT
"""nvcc compiles CUDA sources for all targets without a warning, a spill or a stack frame.

    check_nvcc.py NVCC REPOSITORY SOURCE...

Of multiply_on_stream.cu also: its kernels stay within their budgets and use the instructions that
they are written for.  Exit status 77, which Meson takes for "skipped", if NVCC is "".
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
                      r"(\d+) bytes spill stores, (\d+) bytes spill loads\n"
                      r".*?Used (\d+) registers(?:.*?(\d+) bytes smem)?")

# Registers of a thread, bytes of static shared memory: what lets as many thread blocks run at a
# time as the kernels' launch bounds say.
BUDGETS = {
    "multiply_one<2, 0>": (80, 5632), "multiply_one<2, 1>": (80, 8704),
    "multiply_one<3, 0>": (80, 5632), "multiply_one<3, 1>": (80, 8704),
    "multiply_one<4, 0>": (80, 5632), "multiply_one<4, 1>": (80, 8704),
    "multiply_few<2, 1>": (80, 5632), "multiply_few<2, 2>": (128, 11264),
    "multiply_few<3, 1>": (80, 5632), "multiply_few<3, 2>": (128, 11264),
    "multiply_few<4, 1>": (128, 5632), "multiply_few<4, 2>": (128, 11264),
    "multiply_many<2, 4>": (128, 0), "multiply_many<2, 8>": (240, 0),
    "multiply_many<3, 4>": (128, 0), "multiply_many<3, 8>": (240, 0),
    "multiply_many<4, 4>": (168, 0), "multiply_many<4, 8>": (240, 0),
    "prepare": (64, 0),
}
WANTED = {  # pattern in the PTX: the first target that has the instruction
    r"prmt\.b32": 75, r"dp2a\.lo": 75, r"ld\.global\.nc\.L1::no_allocate\.L2::128B\.v4": 75,
    r"mma\.sync\.aligned\.m16n8": 75, r"cp\.async\.cg\.shared\.global": 80}
UNWANTED = (r"\b(atom|red)\.", r"\.local\b")


def plain_name(mangled):
    """multiply_few<3, 1> of its mangled name."""
    match = re.search(r"\d(multiply_\w*?)I((?:L[a-z]\d+E)+)E", mangled)
    if not match:
        return "prepare" if "7prepareE" in mangled else mangled
    arguments = re.findall(r"L[a-z](\d+)E", match[2])
    return f"{match[1]}<{', '.join(arguments)}>"


def judge_function(name, frame, stores, loads, registers, shared, budgets):
    if int(frame) or int(stores) or int(loads):
        yield f"{name} uses {frame} bytes of stack, {stores} + {loads} spilled"
    if budgets:
        most_registers, most_shared = budgets.get(plain_name(name), (0, 0))
        if int(registers) > most_registers or int(shared or 0) > most_shared:
            yield (f"{plain_name(name)} uses {registers} registers and {shared or 0} bytes of "
                   f"shared memory, budget {most_registers} and {most_shared}")


def judge_ptx(ptx, target):
    for pattern, first_target in WANTED.items():
        if target >= first_target and not re.search(pattern, ptx):
            yield f"its PTX has no {pattern}"
    for pattern in UNWANTED:
        if re.search(pattern, ptx):
            yield f"its PTX has {pattern}"


def compile_for(nvcc, root, source, target, folder):
    """What is wrong with this source on this target, as lines."""
    command = [nvcc, *FLAGS, f"-arch=sm_{target}", f"-I{root}", f"-I{root}/include", "-keep",
               "-keep-dir", folder, "-c", source, "-o", str(Path(folder, "object.o"))]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    name = Path(source).name
    if run.returncode:
        return [f"{name}, sm_{target}: {run.stdout}{run.stderr}"]
    functions = FUNCTION.findall(run.stderr)
    budgets = BUDGETS if name == "multiply_on_stream.cu" else {}
    errors = [error for function in functions for error in judge_function(*function, budgets)]
    if not functions or (budgets and len(functions) != len(budgets)):
        errors.append("ptxas tells of other kernels:\n" + run.stderr)
    if budgets:
        errors += judge_ptx(Path(folder, "multiply_on_stream.ptx").read_text(), target)
    return [f"{name}, sm_{target}: {error}" for error in errors]


def main():
    nvcc, root, *sources = sys.argv[1:]
    if not nvcc:
        print("no nvcc: skipped")
        return 77
    errors = []
    for source in sources:
        for target in TARGETS:
            with tempfile.TemporaryDirectory() as folder:
                errors += compile_for(nvcc, root, source, target, folder)
    print("\n".join(errors) or f"{len(sources)} sources compile for {len(TARGETS)} targets")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
