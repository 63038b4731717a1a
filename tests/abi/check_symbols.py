# SPDX-License-Identifier: MIT
"""What a static archive gives to the linker and what it wants from it.

    check_symbols.py READELF ARCHIVE HEADER SYMBOLS ALLOWED

It defines the functions of HEADER, which are the names in SYMBOLS, and nothing else, not even
local to an object, that could clash with a program's own.  They are hidden, so that a plug-in or
shared library into which they are linked does not export them again.  What the archive leaves
undefined is listed in ALLOWED.
"""
import re
import subprocess
import sys
from pathlib import Path


def listed(path):
    lines = (line.split("#")[0].strip() for line in Path(path).read_text().splitlines())
    return {line for line in lines if line}


def declared(header):
    """Names of the functions that a public header declares."""
    text = re.sub(r"/\*.*?\*/", "", Path(header).read_text(), flags=re.S)
    return set(re.findall(r"^DENSQ_API\s[^;(]*?(\w+)\(", text, flags=re.M))


def symbols(readelf, archive):
    """(name, visibility, is defined) of each symbol that the linker can see."""
    table = subprocess.run([readelf, "--syms", "--wide", archive], check=True,
                           capture_output=True, text=True).stdout
    for line in table.splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[4] in ("GLOBAL", "WEAK", "UNIQUE"):
            yield fields[7], fields[5], fields[6] != "UND"


def main():
    readelf, archive, header, golden, allowed = sys.argv[1:]
    found = list(symbols(readelf, archive))
    defined = {name for name, _, is_defined in found if is_defined}
    undefined = {name for name, _, is_defined in found if not is_defined} - defined
    errors = [f"{archive}: '{name}' is {visibility}" for name, visibility, is_defined in found
              if is_defined and visibility != "HIDDEN"]

    def expect_equal(what, actual, wanted):
        errors.extend(f"{what}: '{name}' is too many" for name in sorted(actual - wanted))
        errors.extend(f"{what}: '{name}' is missing" for name in sorted(wanted - actual))

    expect_equal(golden, listed(golden), declared(header))
    expect_equal(archive, defined, listed(golden))
    for name in sorted(undefined - listed(allowed) - {"_GLOBAL_OFFSET_TABLE_"}):
        errors.append(f"{archive}: needs '{name}', which is not in {allowed}")
    print("\n".join(errors) or f"{len(defined)} functions, {len(undefined)} undefined symbols")
    return bool(errors) or not defined


if __name__ == "__main__":
    sys.exit(main())
