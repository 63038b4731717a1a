# SPDX-License-Identifier: MIT
"""What share of a GPU's memory bandwidth the CUDA mat-vec can reach: a model, not a measurement.

    cuda_model.py                          prints the table of docs/cuda.md
    cuda_model.py --count NVCC NVDISASM    first counts instructions anew, into cuda_counts.json

Counted: the SASS of multiply_one's loop over spans of 256 columns, and of what is before and
behind it, by the pipe that executes it.  Branches for other types of activations and for the last
columns are left out.  docs/cuda.md has the formulas.
"""
import collections
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COUNTS = Path(__file__).with_name("cuda_counts.json")

# Name: target, multiprocessors, GHz (boost), GB/s, halves multiplied and added in F32 per clock of
# a multiprocessor by mma.sync.  From NVIDIA's data sheets and architecture papers.
GPUS = {
    "T4": (75, 40, 1.59, 320, 512), "A6000": (86, 84, 1.80, 768, 512),
    "4090": (89, 128, 2.52, 1008, 256), "A100-80": (80, 108, 1.41, 2039, 1024),
    "H100": (90, 132, 1.76, 3350, 1024), "B200": (100, 148, 1.85, 8000, 1024)}
MOST_OF_PEAK = 0.92     # of the bandwidth, that a copy reaches
MOST_OF_PIPE = 0.90     # of the cycles of the busiest pipe
LAUNCH_SECONDS = 2e-6   # from a launch to the first weights, and the last spans
LATENCY_SECONDS = 8e-7  # of a load under load
SPAN_WEIGHTS = 16 * 256
SPARSE = 0.0045         # nonzeros per weight
WARPS = 24              # at a time on a multiprocessor

# Pipes: warp instructions per clock of a multiprocessor.
RATES = {"issue": 4, "alu": 2, "fma": 2, "memory": 1}
FMA = ("IMAD", "IDP", "FFMA", "FMUL", "FADD", "HADD2", "HFMA2", "UIMAD")
MEMORY = ("LDG", "LDS", "STS", "SHFL", "LDGSTS", "STG", "LDC")
OTHER = ("HMMA", "BRA", "BAR", "BSSY", "BSYNC", "WARPSYNC", "NOP", "EXIT", "CALL", "RET", "S2R",
         "CS2R", "DEPBAR", "UMOV", "S2UR", "ULDC")


def functions(sass):
    """(name, [instruction], {label: index}) of each function."""
    for text in re.split(r"\n\.text\.", sass)[1:]:
        name, *lines = text.split("\n")
        instructions, labels = [], {}
        for line in lines:
            if match := re.match(r"(\.L_x_\d+):", line):
                labels[match[1]] = len(instructions)
            elif match := re.match(r"\s+/\*[0-9a-f]+\*/\s+(.*?)\s*;", line):
                instructions.append(match[1])
        yield name, instructions, labels


def find_loop(instructions, labels):
    """The backward branch around most matrix products: first and last index."""
    def products(loop):
        return sum("HMMA" in instructions[i] for i in range(loop[0], loop[1] + 1))
    loops = [(labels[match[1]], i) for i, text in enumerate(instructions)
             if (match := re.search(r"BRA.*`\((\.L_x_\d+)\)", text)) and labels[match[1]] < i]
    return max(loops, key=products)


def straight_pieces(instructions, labels, begin, end):
    piece = []
    for i in range(begin, end):
        if piece and (i in labels.values() or re.search(r"\b(BRA|CALL)\b", piece[-1])):
            yield piece
            piece = []
        piece.append(instructions[i])
    yield piece


def is_taken(piece):
    """Whether F32 activations and whole spans come through this piece."""
    text = "\n".join(piece)
    plain_loads = len(re.findall(r"^LDG\.E\.CONSTANT", text, re.M))
    return not (re.search(r"LDG\.E\.U16|^@!?P\d LDG\.E\.CONSTANT", text, re.M)
                or "HADD2.F32" in text and "FMUL" not in text
                or "CALL" in text and len(piece) <= 3
                or plain_loads == 1 and len(piece) <= 3)


def count(pieces):
    counts = collections.Counter()
    for piece in pieces:
        for text in piece:
            name = re.sub(r"^@!?U?P\w+\s+", "", text).split()[0].split(".")[0]
            pipe = "fma" if name in FMA else "memory" if name in MEMORY else "alu"
            counts["issue"] += 1
            if name not in OTHER:
                counts[pipe] += 4 if re.search(r"(LDG|LDS)\S*\.128", text) else 1
            if name == "HMMA":
                counts["macs"] += 16 * 8 * (8 if ".1688." in text else 16)
    return dict(counts)


def count_target(nvcc, nvdisasm, target):
    with tempfile.TemporaryDirectory() as folder:
        cubin = str(Path(folder, "multiply_on_stream.cubin"))
        subprocess.run([nvcc, "-std=c++20", "-O3", "-fmad=false", f"-arch=sm_{target}", f"-I{ROOT}",
                        f"-I{ROOT}/include", "-cubin", "-o", cubin,
                        str(ROOT / "kernels/cuda/multiply_on_stream.cu")], check=True)
        sass = subprocess.run([nvdisasm, "-c", cubin], check=True, capture_output=True,
                              text=True).stdout
    counts = {}
    for name, instructions, labels in functions(sass):
        if match := re.search(r"multiply_oneILj(\d)ELb0E", name):
            begin, last = find_loop(instructions, labels)
            pieces = straight_pieces(instructions, labels, begin, last + 1)
            before = straight_pieces(instructions, labels, 0, begin)
            behind = straight_pieces(instructions, labels, last + 1, len(instructions))
            counts[match[1]] = {"loop": count(filter(is_taken, pieces)),
                                "before": count(filter(is_taken, before)),
                                "behind": count(filter(is_taken, behind))}
    return counts


def clocks(counts, macs_per_clock):
    """Of a multiprocessor for one warp: those of the busiest pipe."""
    pipes = {pipe: counts.get(pipe, 0) / rate for pipe, rate in RATES.items()}
    pipes["tensor"] = counts.get("macs", 0) / macs_per_clock
    busiest = max(pipes, key=pipes.get)
    return pipes[busiest], busiest


def share(counts, gpu, bits, rows=None, cols=None):
    """Of the bandwidth; without a shape, of an endless matrix."""
    _, multiprocessors, ghz, bandwidth, macs = gpu
    bytes_per_clock = bandwidth / ghz / multiprocessors
    loop, busiest = clocks(counts["loop"], macs)
    span_bytes = SPAN_WEIGHTS * (bits / 8 + SPARSE * 4)
    if rows is None:
        needed = max(span_bytes / bytes_per_clock / MOST_OF_PEAK, loop / MOST_OF_PIPE)
        return span_bytes / bytes_per_clock / needed, busiest
    spans = cols / 256 * rows / 16
    # All 8 warps of a tile come to what is before the loop, one to most of what is behind it.
    around = (clocks(counts["before"], macs)[0] * 8 + clocks(counts["behind"], macs)[0]) * rows / 16
    total = spans * span_bytes + rows * (4 << bits)
    seconds = max(total / MOST_OF_PEAK / bandwidth / 1e9,
                  (spans * loop + around) / MOST_OF_PIPE / multiprocessors / ghz / 1e9)
    return total / (seconds + LAUNCH_SECONDS) / bandwidth / 1e9, busiest


def main():
    if sys.argv[1:2] == ["--count"]:
        targets = sorted({gpu[0] for gpu in GPUS.values()})
        counted = {str(target): count_target(*sys.argv[2:4], target) for target in targets}
        COUNTS.write_text(json.dumps(counted, indent=1, sort_keys=True) + "\n")
    counted = json.loads(COUNTS.read_text())
    print("| GPU | bits | instructions per weight | bit pipe | busiest | endless | 4096 x 4096 "
          "| 4096 x 11008 | in flight, needed |\n|---|---|---|---|---|---|---|---|---|")
    for name, gpu in GPUS.items():
        for bits in (2, 3, 4):
            counts = counted[str(gpu[0])][str(bits)]
            endless, busiest = share(counts, gpu, bits)
            small, large = (share(counts, gpu, bits, 4096, cols)[0] for cols in (4096, 11008))
            flight = WARPS * 0.9 * bits * 512 / 1024
            needed = gpu[3] * LATENCY_SECONDS * 1e9 / gpu[1] / 1024
            print(f"| {name} | {bits} | {counts['loop']['issue'] / 128:.2f} "
                  f"| {counts['loop']['alu'] / 128:.2f} | {busiest} | {endless:.0%} | {small:.0%} "
                  f"| {large:.0%} | {flight:.0f}, {needed:.0f} KB |")


if __name__ == "__main__":
    main()
