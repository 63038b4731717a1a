# SPDX-License-Identifier: MIT
"""What a script prints stands in a text, line for line.

    check_printed.py TEXT SCRIPT [ARGUMENT...]
"""
import subprocess
import sys
from pathlib import Path


def main():
    text, *script = sys.argv[1:]
    printed = subprocess.run([sys.executable, "-B", *script], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    found = bool(printed) and printed in Path(text).read_text(encoding="utf-8")
    if not found:
        print(f"{text} does not have what {script[0]} prints:\n{printed}")
    return not found


if __name__ == "__main__":
    sys.exit(main())
