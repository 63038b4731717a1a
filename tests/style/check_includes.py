# SPDX-License-Identifier: MIT
"""Dependencies go one way: include <- kernels' contract <- kernels; contract <- lib <- capi.  In
lib, what files are and what the CPU does know nothing of each other, only lib/base.

    check_includes.py REPOSITORY

Everything else sees the public headers and its own folder; tests also see lib, kernels and what
they test.  Inside the tool: errors <- format <- quantize <- cli, and format <- measure <- cli.  The
core includes no header of the C++ library: even those that are all inline call into it when
assertions are on, or leave weak symbols when optimisation is off.
"""
import re
import sys
from pathlib import Path

CONTRACT = {"kernels/table.hpp", "kernels/cpu_features.hpp",  # between lib and the kernels
            "kernels/matrix.hpp", "kernels/segments.hpp", "kernels/widths.hpp"}
ERRORS, FORMAT = "tools/densq/errors.hpp", "tools/densq/format"
MAY_SEE = {  # folder: the folders or files it may include from, besides include/
    "include": [],
    "kernels": ["kernels"],
    "lib/base": ["lib/base", "kernels/cpu_features.hpp", "kernels/matrix.hpp"],
    "lib/file": ["lib/file", "lib/base", *CONTRACT],
    "lib/cpu": ["lib/cpu", "lib/base", *CONTRACT],
    "capi": ["capi", "lib", *CONTRACT],
    "threads": ["threads"],
    "cuda": ["cuda", "kernels/cuda/packing.hpp", "kernels/cuda/multiply_on_stream.hpp",
             "kernels/matrix.hpp", "lib/base"],
    "openblas": ["openblas", "lib/base"],
    "tools/densq": [],
    "tools/densq/format": [FORMAT, ERRORS],
    "tools/densq/quantize": ["tools/densq/quantize", FORMAT, ERRORS],
    "tools/densq/measure": ["tools/densq/measure", FORMAT, ERRORS],
    "tools/densq/cli": ["tools/densq"],
    "examples": ["examples"],
    "bench": ["bench", "tools"],
    "tests": ["tests", "cuda", "lib", "kernels", "threads", "tools", "examples"],
}
CORE = {"include", "kernels", "lib", "capi", "threads", "cuda", "openblas"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)


def layer_of(path):
    """The innermost of the folders above that a file is in, or None."""
    return max((layer for layer in MAY_SEE if path.startswith(layer + "/")), key=len, default=None)


def resolve(root, source, name):
    """The file of this repository that an #include names, relative to its root, or None."""
    own_folder = root / source.relative_to(root).parts[0]
    below = (path for path in own_folder.rglob("*") if path.is_dir())
    layers = (root / layer for layer in MAY_SEE)
    for folder in [source.parent, root / "include", root, *layers, *below]:
        path = (folder / name).resolve()
        if path.is_file() and root in path.parents:
            return path.relative_to(root).as_posix()
    return None


def judge(layer, quoted, name, target):
    """Why this #include is not allowed, or None."""
    if target is None:
        if quoted:
            return "is quoted but no file of this repository"
        if layer.split("/")[0] in CORE and not name.endswith(".h"):
            return "is a header of the C++ library"
        return None
    if target.startswith("include/"):
        return None
    if any(target == allowed or target.startswith(allowed + "/") for allowed in MAY_SEE[layer]):
        return None
    return f"is {target}, which {layer} must not see"


def main():
    root = Path(sys.argv[1]).resolve()
    errors, count = [], 0
    for layer in MAY_SEE:
        for source in sorted(root.joinpath(layer).rglob("*")):
            if source.suffix not in (".h", ".hpp", ".c", ".cpp", ".cu"):
                continue
            if layer_of(source.relative_to(root).as_posix()) != layer:
                continue
            for quoted, angled in INCLUDE.findall(source.read_text()):
                name = quoted or angled
                reason = judge(layer, bool(quoted), name, resolve(root, source, name))
                count += 1
                if reason:
                    errors.append(f"{source.relative_to(root)}: '{name}' {reason}")
    print("\n".join(errors) or f"{count} includes point the right way")
    return bool(errors) or count == 0


if __name__ == "__main__":
    sys.exit(main())
