# SPDX-License-Identifier: MIT
"""Each kernel object exports one symbol, which it is named after, and no weak ones.

    check_kernels.py NM BUILD_DIR ARCHIVE...

A weak copy of an inline function, compiled for one instruction set, may be the one that the linker
keeps for the whole program, which then dies on CPUs without it.  Optimisation and forced inlining
hide such copies, so the objects are also compiled again without them.  And as somebody's compiler
may have a default CPU with more instructions than a kernel is written for, that is done for such a
CPU.
"""
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

WIDE_CPU = {"x86_64": "-march=icelake-server", "aarch64": "-march=armv8.6-a"}
KERNEL = re.compile(r"libdensq_k_(\w+)\.a")


def external_symbols(nm, path):
    """(name, type letter) of the external symbols of each object of an archive, by object."""
    lines = subprocess.run([nm, "--extern-only", "--format=posix", "--print-file-name", path],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    objects = {}
    for line in lines:
        object_name, symbol = line.split(": ", 1)
        name, letter = symbol.split()[:2]
        objects.setdefault(object_name, []).append((name, letter))
    return objects


def judge(object_name, kernel, symbols):
    exported = [name for name, letter in symbols if letter.upper() != "U" or letter == "u"]
    odd = [name for name, letter in symbols if letter in "WwVvu"]
    if exported != [f"densq_k_{kernel}"]:
        yield f"{object_name} exports {exported}, not densq_k_{kernel} alone"
    if odd:
        yield f"{object_name} has weak symbols: {odd}"


def wide_cpu(command):
    """The argument for a CPU with more than any kernel is written for."""
    compiler = command[:next(i for i, word in enumerate(command) if word.startswith("-"))]
    machine = subprocess.run([*compiler, "-dumpmachine"], check=True, capture_output=True,
                             text=True).stdout
    return WIDE_CPU[machine.split("-")[0]]


def compile_again(build_dir, folder):
    """Compiles the kernels' sources once more, into a folder; yields kernels and objects."""
    for entry in json.loads(Path(build_dir, "compile_commands.json").read_text()):
        if match := KERNEL.search(entry["output"]):
            output = Path(folder, f"{match[1]}.o")
            command = shlex.split(entry["command"])
            command[command.index("-o") + 1] = str(output)
            subprocess.run([*command, "-O0", "-DDENSQ_AS_WRITTEN", wide_cpu(command)], check=True,
                           cwd=entry["directory"])
            yield match[1], str(output)


def main():
    nm, build_dir, *archives = sys.argv[1:]
    errors, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        built = [(KERNEL.search(path)[1], path) for path in archives]
        for kernel, path in [*built, *compile_again(build_dir, folder)]:
            for object_name, symbols in external_symbols(nm, path).items():
                errors += judge(object_name, kernel, symbols)
                count += 1
    print("\n".join(errors) or f"{count} kernel objects export their own symbol and no other")
    return bool(errors) or count != 2 * len(archives)


if __name__ == "__main__":
    sys.exit(main())
