# SPDX-License-Identifier: MIT
"""Plug-ins of one process that have linked archives of several versions each call their own, and
export none of its functions.

    check_plugins.py NM HOST PLUGIN...
"""
import os
import shlex
import subprocess
import sys
import tempfile

from sample import sample_file


def exported(nm, plugin):
    lines = subprocess.run([nm, "--dynamic", "--defined-only", "--format=posix", plugin],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[0] for line in lines}


def main():
    nm, host, *plugins = sys.argv[1:]
    errors = []
    for plugin in plugins:
        names = exported(nm, plugin)
        errors += [f"{plugin} exports '{name}'" for name in sorted(names) if "densq" in name]
        if "plugin_works" not in names:
            errors.append(f"{plugin} does not export its own function")
    with tempfile.NamedTemporaryFile(suffix=".densq") as file:
        file.write(sample_file())
        file.flush()
        emulator = shlex.split(os.environ.get("EMULATOR", ""))
        status = subprocess.run([*emulator, host, file.name, *plugins], check=False).returncode
    if status:
        errors.append(f"{host} exits with {status}")
    print("\n".join(errors) or f"{len(plugins)} plug-ins keep to their own versions")
    return bool(errors) or len(plugins) < 2


if __name__ == "__main__":
    sys.exit(main())
