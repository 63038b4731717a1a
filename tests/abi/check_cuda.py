# SPDX-License-Identifier: MIT
"""A C99 program links to libdensq_cuda.a by plain gcc, needs none of CUDA's shared libraries, and
where CUDA shows no device it is told so and can go on with the CPU.

    check_cuda.py CC READELF INCLUDE_DIR CUDA_LIBRARY LIBRARY FLAG...
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from check_link import SYSTEM, WARNINGS, needed
from sample import product_is_right

REASON = r"backend: not supported here: (no NVIDIA driver, or one too old|this machine has no CUDA)"


def main():
    cc, readelf, include_dir, cuda_library, library, *flags = sys.argv[1:]
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    source = str(Path(__file__).with_name("consumer.c"))
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/cuda"
        subprocess.run([cc, "-std=c99", *WARNINGS, "-DWITH_CUDA", "-I", include_dir, "-o", program,
                        source, cuda_library, library, *flags, "-lcudart_static", "-ldl", "-lrt",
                        "-lpthread", "-lm"], check=True)
        libraries = needed(readelf, program)
        right = product_is_right(program)
        told = subprocess.run([program, "/nonexistent"], capture_output=True, text=True,
                              check=False).stderr
    print(f"{Path(program).name} needs {libraries} and says: {told}")
    others = [name for name in libraries
              if not re.fullmatch(rf"{SYSTEM}|lib(dl|rt)\.so\.\d+", name)]
    return not right or bool(others) or not re.match(REASON, told)


if __name__ == "__main__":
    sys.exit(main())
