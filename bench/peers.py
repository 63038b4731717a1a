# SPDX-License-Identifier: MIT
"""llama.cpp as a peer: built from the source package of llama-cpp-python, which PyPI has."""
import pathlib
import subprocess
import sys
import tarfile

TARGETS = ["llama-quantize", "llama-imatrix", "llama-bench"]
CMAKE_OPTIONS = ["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_CURL=OFF", "-DBUILD_SHARED_LIBS=OFF",
                 "-DGGML_OPENMP=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF",
                 "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_BUILD_UI=OFF"]
# Instruction sets. "native": all of this CPU; AMX, which virtual machines may show and not have, is
# in no other.
AVX2 = ["SSE42", "AVX", "AVX2", "BMI2", "FMA", "F16C"]
AVX512 = [*AVX2, "AVX512", "AVX512_VBMI", "AVX512_VNNI", "AVX512_BF16"]
BUILDS = {"native": ["-DGGML_NATIVE=ON"],
        **{name: ["-DGGML_NATIVE=OFF", *(f"-DGGML_{word}=ON" for word in words)]
           for name, words in (("avx2", AVX2), ("avx512", AVX512))}}


def run(*command, **options):
    """Runs a command, its output on our stderr; returns its stdout."""
    words = [str(word) for word in command]
    result = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **options)
    if result.returncode:
        sys.exit(f"{' '.join(words)}\nexits with {result.returncode}:\n{result.stderr[-3000:]}")
    return result.stdout


class LlamaCpp:
    """Its programs, built into a cache folder on first use."""

    def __init__(self, cache, cpu="native", version="0.3.36"):
        self.version, self.cpu = version, cpu
        suffix = "" if cpu == "native" else f"-{cpu}"
        self.folder = pathlib.Path(cache) / f"llama-cpp-python-{version}{suffix}"
        self.bin = self.folder / "build" / "bin"

    def build(self):
        if all((self.bin / target).is_file() for target in TARGETS):
            return
        print(f"building llama.cpp of llama-cpp-python {self.version}", file=sys.stderr)
        self.folder.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
            "--dest", self.folder, f"llama-cpp-python=={self.version}")
        with tarfile.open(next(self.folder.glob("*.tar.gz"))) as archive:
            archive.extractall(self.folder, filter="data")
        source = next(self.folder.glob("llama_cpp_python-*/vendor/llama.cpp"))
        run("cmake", "-S", source, "-B", self.folder / "build", *CMAKE_OPTIONS,
            *BUILDS[self.cpu])
        run("cmake", "--build", self.folder / "build", "-j", "2", "--target", *TARGETS)

    def quantize(self, source, target, kind, importance=None):
        """One of its file types from another file of its own."""
        if target.is_file():
            return
        extra = ["--imatrix", importance] if importance else []
        temporary = target.with_suffix(".tmp")
        run(self.bin / "llama-quantize", "--allow-requantize", *extra, source, temporary, kind)
        temporary.rename(target)

    def importance_matrix(self, model, text, target, chunks):
        if target.is_file():
            return
        temporary = target.with_name("unfinished-" + target.name)
        run(self.bin / "llama-imatrix", "-m", model, "-f", text, "-o", temporary, "-c", 512,
            "--chunks", chunks, "-t", 2)
        temporary.rename(target)
