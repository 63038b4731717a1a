# SPDX-License-Identifier: MIT
"""Each kernel object exports one symbol, a function, and no weak ones.

    check_kernels.py NM BUILD_DIR ARCHIVE...

A weak copy of an inline function, compiled for one instruction set, may be the one that the linker
keeps for the whole program, which then dies on CPUs without it.  Optimisation hides such copies, so
the objects are also compiled again without it.
"""
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

WITHOUT_OPTIMISATION = ["-O0"]


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


def judge(object_name, symbols):
    exported = [name for name, letter in symbols if letter.upper() != "U" or letter == "u"]
    odd = [name for name, letter in symbols if letter in "WwVvu"]
    if len(exported) != 1 or not re.fullmatch(r"densq_k_\w+", exported[0]):
        yield f"{object_name} exports {exported}, not one densq_k_ function"
    if odd:
        yield f"{object_name} has weak symbols: {odd}"


def compile_unoptimised(build_dir, folder):
    """Compiles the kernels' sources once more, into a folder; yields the objects."""
    commands = json.loads(Path(build_dir, "compile_commands.json").read_text())
    kernels = [entry for entry in commands if "densq_k_" in entry["output"]]
    for number, entry in enumerate(kernels):
        output = Path(folder, f"{number}_{Path(entry['output']).name}")
        command = shlex.split(entry["command"])
        command[command.index("-o") + 1] = str(output)
        subprocess.run([*command, *WITHOUT_OPTIMISATION], check=True, cwd=entry["directory"])
        yield str(output)


def main():
    nm, build_dir, *archives = sys.argv[1:]
    errors, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for path in [*archives, *compile_unoptimised(build_dir, folder)]:
            for object_name, symbols in external_symbols(nm, path).items():
                errors += judge(object_name, symbols)
                count += 1
    print("\n".join(errors) or f"{count} kernel objects export one function each")
    return bool(errors) or count < 2 * len(archives)


if __name__ == "__main__":
    sys.exit(main())
