# SPDX-License-Identifier: MIT
"""Each public header compiles alone, as C and as C++, without a warning.

    check_headers.py INCLUDE_DIR COMPILER...

Compilers are C compilers of the gcc kind; those that are not installed are left out, but one must
be there.
"""
import shutil
import subprocess
import sys
from pathlib import Path

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
            "-Wundef", "-Werror"]
LANGUAGES = {
    "c": ["c99", "c11"],
    "c++": ["c++11", "c++20"],
}
ONLY_C = ["-Wc++-compat", "-Wstrict-prototypes"]


def compile_header(compiler, language, standard, include_dir, header):
    command = [compiler, "-x", language, f"-std={standard}", "-fsyntax-only", *WARNINGS,
               *(ONLY_C if language == "c" else []), "-I", include_dir, "-"]
    # Twice, which a header must bear; the declaration is for those that make none.
    source = f'#include "densq/{header}"\n' * 2 + "extern int anything;\n"
    result = subprocess.run(command, input=source, capture_output=True, text=True)
    if result.returncode:
        print(f"{header} by {compiler} as {standard}:\n{result.stderr}")
    return result.returncode == 0


def main():
    include_dir, *compilers = sys.argv[1:]
    compilers = [name for name in compilers if shutil.which(name)]
    headers = sorted(path.name for path in Path(include_dir, "densq").glob("*.h"))
    results = [compile_header(compiler, language, standard, include_dir, header)
               for compiler in compilers
               for language, standards in LANGUAGES.items()
               for standard in standards
               for header in headers]
    print(f"{sum(results)} of {len(results)} compilations of {len(headers)} headers are clean")
    return not results or not all(results)


if __name__ == "__main__":
    sys.exit(main())
