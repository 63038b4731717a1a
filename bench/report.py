#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tables and plots of what quality.py and speed.py measured.

    python bench/report.py docs/results            writes README.md there, and plots
    python bench/report.py docs/results --check    compares README.md with what it would write

Reads quality.json of that folder and speed.json of every CPU's. The plots need matplotlib and
adjustText.
"""
import json

from report_text import CPUS, folder_and_check, markdown_table, write_or_check

INTRODUCTION = """# SmolLM2-135M-Instruct: densq beside llama.cpp

The baseline is the model dequantized from a Q4_1 GGUF, the only form in which a package registry
has it. So its weights already lie on a grid of 4-bit blocks, which is an advantage for other
formats of 4-bit blocks.

    examples/smollm2/run.sh CACHE {calibration} {text}
    .venv/bin/python -m pip install matplotlib adjustText
    .venv/bin/python bench/quality.py --build build --cache CACHE --text {text} \\
        --calibration {calibration}
    .venv/bin/python bench/report.py docs/results
"""

SPEED = """## Speed

Tokens per second of whole models, densq beside llama.cpp, for a prompt and for generating from an
empty context. All models take turns; numbers are medians. In densq's files the embedding, which is
also the output layer, has 4 bits.

    .venv/bin/python bench/speed.py --build build --cache CACHE --output results/speed.json

On a CPU that knows more than AVX2, `meson setup build -Dx86=avx2` and `--cpu avx2` let both sides
use AVX2 and nothing newer; `--cpu avx512` leaves out AMX. On the Xeon, whose kind OpenBLAS 0.3.21
does not know, densq-llama ran with `OPENBLAS_CORETYPE=Haswell` for AVX2, else `SkylakeX`. The files
on the Zen 3 were quantized without gradients, which changes their text and not their speed.
"""

PRODUCTS = """## Products

Single matrices: {links}. densq, plain reading, OpenBLAS and ggml take turns in one run:

    python -c 'import sys; sys.path.insert(0, "bench"); from peers import LlamaCpp
    LlamaCpp("CACHE", "avx2").build()'    # or "avx512"
    meson setup build -Dx86=avx2 -Dggml=CACHE/llama-cpp-python-0.3.36-avx2    # all, avx512
    meson compile -C build densq-gemv
    build/bench/densq-gemv --batches 1 --precisions fast,int8 --seconds 14 \\
        --cold-bytes 500000000 > results/gemv.json
    build/bench/densq-gemv --warm --batches 1 --shapes 4096x4096,11008x4096,1536x576,576x576 \\
        --precisions fast,int8 --seconds 6 > results/warm.json
    build/bench/densq-gemv --shapes 4096x4096,576x576 --batches 1,8,16,32,128,512 --nnz 0.45 \\
        --threads 2 --backends avx2 --precisions fast,int8 --seconds 20 \\
        --cold-bytes 400000000 > results/batches.json
    python bench/gemv_report.py docs/results    # when the three stand in a folder of it

For AVX2, OpenBLAS had `OPENBLAS_CORETYPE=Haswell`. Of an Intel CPU's AMX, ggml would make use; the
virtual machine shows it, but does not have it.
"""


def quality_section(quality):
    rows = [(r["method"], f"{r['bits_per_weight']:.3f}", f"{r['file_bytes'] / 1e6:.1f}",
             f"{r['perplexity']:.2f}", f"{r['kl_mean']:.4f}", f"{r['kl_p99']:.3f}",
             f"{r['top1_agreement']:.3f}")
            for r in sorted(quality["results"], key=lambda r: -r["bits_per_weight"])]
    header = ["method", "bits/weight", "file MB", "perplexity", "KL mean", "KL p99", "top-1"]
    return f"""## Quality

Text: the first {quality['windows']} windows of {quality['window']} tokens of {quality['text']}.
llama-cpp-python {quality['llama_cpp_python']}; importance matrix and gradients are both computed
from {quality['calibration']}. Only the linear layers differ from the baseline. "Bits/weight" is all
that they take in the file, divided by the number of their weights. "File MB" also counts the
embedding, which densq keeps in F16 here and llama.cpp in a type of its choice. Some types of
llama.cpp do not fit rows of 576 weights, and llama.cpp takes larger types instead: bits are counted
for the types that are in the file, and the linear layers of Q2_K and Q3_K_S are the same.

![bits against KL divergence](quality.svg)

{markdown_table(header, rows)}
"""


def speed_section(cpu, speed):
    threads = sorted({r["threads"] for r in speed["results"]})
    models = list(dict.fromkeys(r["model"] for r in speed["results"]))
    found = {(r["model"], r["threads"]): r for r in speed["results"]}
    rows = [(model, f"{found[model, threads[0]]['file_bytes'] / 1e6:.1f}",
             *(f"{found[model, count][kind]:.0f}" for count in threads
               for kind in ("prompt_tokens_per_second", "tokens_per_second")))
            for model in models]
    header = ["model", "file MB", *(f"{what}, {count} thread{'s' * (count > 1)}"
                                    for count in threads for what in ("prompt", "generation"))]
    return f"""### {cpu}

{CPUS[cpu]}.

Prompt of {speed['prompt']} tokens, {speed['tokens']} generated, {speed['rounds']} rounds.

![file size against tokens per second]({cpu}/speed.svg)

{markdown_table(header, rows)}
"""


def plot(path, groups, x_label, y_label, logarithmic):
    from adjustText import adjust_text
    pyplot = import_pyplot()
    figure, axes = pyplot.subplots(figsize=(8, 5))
    if logarithmic:
        axes.set_yscale("log")
    texts = []
    for (label, points), marker in zip(groups.items(), "osD^v"):
        axes.scatter([x for _, x, _ in points], [y for _, _, y in points], label=label,
                     marker=marker)
        texts += [axes.text(x, y, name, fontsize=7) for name, x, y in points]
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    adjust_text(texts, ax=axes, arrowprops={"arrowstyle": "-", "linewidth": 0.4})
    figure.savefig(path, metadata={"Date": None})


def import_pyplot():
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "densq"  # the same file for the same numbers
    from matplotlib import pyplot
    return pyplot


def group_of(name):
    if name.startswith("densq"):
        return "densq without gradients" if "without" in name else \
            "densq by moments" if "moments" in name else "densq"
    return "llama.cpp, importance matrix" if "importance" in name else "llama.cpp"


def short(name):
    for words in ("densq ", "llama.cpp ", " with importance matrix", " without gradients",
                  " by moments", ", fast"):
        name = name.replace(words, "")
    return name


def grouped(points):
    groups = {}
    for name, x, y in points:
        groups.setdefault(group_of(name), []).append((short(name), x, y))
    return groups


def plot_quality(folder, quality):
    plot(folder / "quality.svg",
         grouped((r["method"], r["bits_per_weight"], r["kl_mean"]) for r in quality["results"]
                 if r["method"] != "baseline"),
         "bits per weight of the linear layers", "mean KL divergence, nats per token", True)


def plot_speed(folder, speed):
    most = max(r["threads"] for r in speed["results"])
    plot(folder / "speed.svg",
         grouped((r["model"], r["file_bytes"] / 1e6, r["tokens_per_second"])
                 for r in speed["results"] if r["threads"] == most and "exact" not in r["model"]),
         "file, MB", f"generated tokens per second, {most} threads", False)


def main():
    folder, check = folder_and_check()
    quality = json.loads((folder / "quality.json").read_text())
    speeds = {cpu: json.loads((folder / cpu / "speed.json").read_text()) for cpu in CPUS}
    introduction = INTRODUCTION.format(calibration=quality["calibration"], text=quality["text"])
    products = PRODUCTS.format(links=", ".join(f"[{cpu}]({cpu}/products.md)" for cpu in CPUS))
    write_or_check(folder / "README.md", "\n".join(
        [introduction, quality_section(quality), SPEED,
         *(speed_section(cpu, speed) for cpu, speed in speeds.items()), products]), check)
    if not check:
        plot_quality(folder, quality)
        for cpu, speed in speeds.items():
            plot_speed(folder / cpu, speed)


if __name__ == "__main__":
    main()
