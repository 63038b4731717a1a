# SPDX-License-Identifier: MIT
"""Installs into an empty folder and builds a program from that and pkg-config alone.

    check_install.py CC BUILD_DIR with-openblas|without-openblas MESON...
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sample import product_is_right

SKIP = 77


def pkg_config_dir(root):
    return next(path.parent for path in Path(root).rglob("densq.pc"))


def add_openblas(root):
    """Lets pkg-config find the system's OpenBLAS beside what was installed; that its folder is
    then sought below the root does no harm, as the linker knows the system's."""
    folder = subprocess.run(["pkg-config", "--variable=pcfiledir", "openblas"], check=True,
                            capture_output=True, text=True).stdout.strip()
    shutil.copy(Path(folder, "openblas.pc"), pkg_config_dir(root))


def build(cc, root, program, package, definitions):
    environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root),
                   "PKG_CONFIG_LIBDIR": str(pkg_config_dir(root))}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], check=True,
                           env=environment, capture_output=True, text=True).stdout.split()
    source = str(Path(__file__).with_name("consumer.c"))
    # Outside of any folder of this repository, so that nothing of it is found by accident.
    subprocess.run([cc, "-std=c99", *definitions, "-o", program, source, *flags], check=True,
                   cwd=root)
    return product_is_right(program)


def main():
    cc, build_dir, openblas, *meson = sys.argv[1:]
    if not shutil.which("pkg-config"):
        print("pkg-config is not installed")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        subprocess.run([*meson, "install", "-C", build_dir, "--destdir", str(root), "--no-rebuild",
                        "--quiet", "--tags", "devel"], check=True)
        good = [build(cc, root, f"{folder}/plain", "densq", []),
                build(cc, root, f"{folder}/threaded", "densq_threads", ["-DWITH_THREADS"])]
        if list(root.rglob("densq_cuda.pc")):
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
            good.append(build(cc, root, f"{folder}/cuda", "densq_cuda", ["-DWITH_CUDA"]))
        if openblas == "with-openblas":
            add_openblas(root)
            good.append(build(cc, root, f"{folder}/openblas", "densq_openblas",
                              ["-DWITH_OPENBLAS"]))
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
