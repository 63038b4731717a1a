# SPDX-License-Identifier: MIT
"""densq-llama as a process: perplexity, check and generate.

    check_llama.py LLAMA DENSQ MODEL_DIR
"""
import functools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from tokenizers import Tokenizer

import support

LLAMA, DENSQ, STORIES = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
BACKENDS = support.backends_of(DENSQ)
HELD_OUT = STORIES.parent / "heldout.txt"
FILES = tempfile.TemporaryDirectory()
GENERATE = ["--prompt", "Once upon a time there was"]


@functools.cache
def stories(bits):
    """The model with its sparse part; 16 bits: not quantized."""
    options = ["--bits", bits, "--gradients", STORIES / "gradients.safetensors"]
    if bits == 16:
        options = support.KEEP_ALL
    return support.quantize(DENSQ, STORIES, pathlib.Path(FILES.name) / f"{bits}.densq", *options)


@functools.cache
def everything_quantized():
    """The embedding too, which is the head, so that OpenBLAS decides nothing."""
    return support.quantize(DENSQ, STORIES, pathlib.Path(FILES.name) / "everything.densq", "--bits",
                            3, "--unweighted", "--bits-for", "model.embed_tokens.weight=4")


def perplexity(file, *options):
    return json.loads(support.output_of(LLAMA, "perplexity", file, "--json", *options))


def generate(file, *options):
    return json.loads(support.output_of(LLAMA, "generate", file, "--json", *options))


def check(file, *options):
    """(result, {matrix: log2 of its largest error}, the largest of all)"""
    result = support.run(LLAMA, "check", file, *options)
    assert result.returncode in (0, 1) and not result.stderr, result
    *lines, summary = result.stdout.splitlines()
    errors = {line.split()[0]: float(line.split()[1].removeprefix("2^")) for line in lines}
    largest = float(re.search(r"tokens: 2\^(\S+), allowed 2\^-\d+$", summary).group(1))
    assert largest == max(errors.values())
    return result, errors, largest


# ---- perplexity ----------------------------------------------------------------------------------

def log_probabilities(file, tokens):
    out = support.output_of(LLAMA, "logits", file, "--tokens", ",".join(map(str, tokens)))
    logits = np.array([json.loads(line) for line in out.splitlines()])
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def expected_quality(file, baseline, tokens, window):
    loss, divergences, agreed = [], [], []
    for at in range(0, len(tokens) - window + 1, window):
        words = tokens[at:at + window]
        ours, theirs = log_probabilities(file, words), log_probabilities(baseline, words)
        loss += [-ours[i, words[i + 1]] for i in range(window - 1)]
        divergences += (np.exp(theirs) * (theirs - ours)).sum(axis=1).tolist()
        agreed += (ours.argmax(axis=1) == theirs.argmax(axis=1)).tolist()
    return {"tokens": len(agreed), "perplexity": np.exp(np.mean(loss)),
            "kl_mean": np.mean(divergences), "top1_agreement": np.mean(agreed),
            "kl_p99": sorted(divergences)[len(divergences) * 99 // 100]}


def test_perplexity_and_divergence(folder):
    text = folder / "text"
    text.write_text(HELD_OUT.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    tokens = tokenizer.encode(text.read_text(encoding="utf-8"), add_special_tokens=False).ids
    window = 67
    for windows in (2, 0):
        taken = tokens[:windows * window] if windows else tokens
        wanted = expected_quality(stories(2), stories(16), taken, window)
        found = perplexity(stories(2), "--text", text, "--baseline", stories(16), "--window",
                           window, "--windows", windows)
        assert found.pop("tokens_per_second") > 0
        assert found.pop("tokens") == wanted.pop("tokens")
        # Logits of one position may tie but for the last bit.
        assert abs(found.pop("top1_agreement") - wanted.pop("top1_agreement")) * len(taken) < 1.5
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert abs(found[key] - value) < 1e-5 * max(value, 1), (key, found[key], value)


def test_perplexity_in_words(_):
    options = ["--text", HELD_OUT, "--window", 32, "--windows", 2]
    figures = perplexity(stories(3), *options)
    assert list(figures) == ["tokens", "perplexity", "tokens_per_second"]
    lines = support.output_of(LLAMA, "perplexity", stories(3), *options).splitlines()
    words = dict(line.split() for line in lines)
    assert list(words) == list(figures)
    assert float(words["perplexity"]) == figures["perplexity"]


def test_no_divergence_from_itself(_):
    for bits in (3, 16):
        found = perplexity(stories(bits), "--baseline", stories(bits), "--text", HELD_OUT,
                           "--window", 64, "--windows", 3)
        assert found["kl_mean"] == found["kl_p99"] == 0 and found["top1_agreement"] == 1, found


def test_more_bits_are_better(_):
    found = [perplexity(stories(bits), "--baseline", stories(16), "--text", HELD_OUT, "--window",
                        128, "--windows", 10) for bits in (4, 3, 2)]
    print("  KL at 4, 3, 2 bits:", *(f"{each['kl_mean']:.4f}" for each in found))
    for better, worse in zip(found, found[1:]):
        assert 0 < better["kl_mean"] < worse["kl_mean"] and better["kl_p99"] < worse["kl_p99"]
        assert better["top1_agreement"] > worse["top1_agreement"]


# ---- check ---------------------------------------------------------------------------------------

# Of int8 all backends have the same bits (tests/kernels/test_same_name.cpp).
PRODUCTS = [*((backend, "fast") for backend in BACKENDS), (BACKENDS[0], "int8")]


def test_precisions_on_real_activations(_):
    """The errors that README.md names, on the model of the demo."""
    for bits in (2, 3, 4):
        matrices = set(support.read_densq(stories(bits)).matrices)
        for backend, precision in PRODUCTS:
            result, errors, largest = check(stories(bits), "--text", HELD_OUT, "--window", 300,
                                            "--backend", backend, "--precision", precision)
            print(f"  {bits} bits, {precision}, {backend}: 2^{largest:.2f} at "
                  f"{max(errors, key=errors.get)}")
            assert set(errors) == matrices
            least, most = (-16, -10) if precision == "fast" else (-9, -4)
            assert result.returncode == 0 and least < largest <= most, result.stdout
    print("backends that ran:", *BACKENDS)


def small_config(**changes):
    return {"model_type": "llama", "hidden_size": 64, "intermediate_size": 32,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
            "vocab_size": 300, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
            "tie_word_embeddings": True, **changes}


def test_check_finds_errors(folder):
    """An activation that stands far above the rest and meets weights that are zero."""
    tensors = support.random_tensors(small_config(), 1)
    tensors["model.embed_tokens.weight"][:, 0] = 3000
    for name, weight in tensors.items():
        if "layers" in name and weight.ndim == 2:
            weight[:] = np.sign(weight)
            weight[:, 0] = 0
    text = folder / "text"
    text.write_text("0123456789", encoding="utf-8")
    alphabet = json.loads(support.BYTE_TOKENIZER)
    alphabet["model"]["vocab"] = {digit: i for i, digit in enumerate("0123456789")}

    def file(name):
        model = support.write_checkpoint(folder / name, small_config(), tensors,
                                         json.dumps(alphabet))
        return support.quantize(DENSQ, model, folder / f"{name}.densq", "--unweighted", "--bits", 2,
                                "--outliers", "0%")

    result, errors, largest = check(file("outlier"), "--text", text)
    assert result.returncode == 1 and largest > -10, result.stdout
    assert errors["model.layers.0.self_attn.q_proj.weight"] > -10
    tensors["model.layers.0.input_layernorm.weight"][3] = np.inf
    result = support.run(LLAMA, "check", file("infinite"), "--text", text)
    support.assert_error(result, "not finite")


# ---- generate ------------------------------------------------------------------------------------

def test_greedy_text_is_the_same_on_any_threads(_):
    texts = {generate(everything_quantized(), *GENERATE, "--tokens", 60, "--temperature", 0,
                      "--threads", threads, "--seed", threads)["text"] for threads in (0, 1, 2, 3)}
    assert len(texts) == 1
    # A share of nothing leaves the likeliest.
    narrow = generate(everything_quantized(), *GENERATE, "--tokens", 60, "--top-p", 0)
    assert narrow["text"] in texts


def test_seeds(_):
    def text(seed):
        return generate(everything_quantized(), *GENERATE, "--tokens", 40, "--seed", seed)["text"]

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(1, 6)}) == 5


def test_written_text(_):
    options = ["--tokens", 30, "--temperature", 0.5]
    found = generate(stories(4), *GENERATE, *options)
    out = support.output_of(LLAMA, "generate", stories(4), *GENERATE, *options)
    assert out == GENERATE[1] + found["text"] + "\n"
    assert generate(stories(4), *GENERATE, "--tokens", 0)["text"] == ""


def byte_of_character():
    """GPT-2's printable stand-ins for bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable},
            **{chr(256 + i): byte for i, byte in enumerate(others)}}


def test_bytes_of_every_token(folder):
    """A model that says, after any token, the next one: from the end token through all of them."""
    tokenizer = json.loads((STORIES / "tokenizer.json").read_text(encoding="utf-8"))
    first = 1 + max(tokenizer["model"]["vocab"].values())
    for i, content in enumerate(["\u00e9\u4e2d\U0001F600", "the end"]):
        tokenizer["added_tokens"].append({"id": first + i, "content": content, "special": True})
    size, end = first + 2, first + 1
    config = small_config(hidden_size=size, intermediate_size=2, num_attention_heads=1, head_dim=2,
                          vocab_size=size, eos_token_id=[end], tie_word_embeddings=False)
    tensors = {name: np.ones(shape, np.float16) if len(shape) == 1 else np.zeros(shape, np.float16)
               for name, shape in support.layer_shapes(config).items()}
    tensors["model.embed_tokens.weight"] = np.eye(size, dtype=np.float16)
    tensors["lm_head.weight"] = np.roll(np.eye(size, dtype=np.float16), 1, axis=0)
    model = support.write_checkpoint(folder / "reciter", config, tensors, json.dumps(tokenizer))
    file = support.quantize(DENSQ, model, folder / "reciter.densq", *support.KEEP_ALL)

    special = {token["id"]: token["content"].encode() for token in tokenizer["added_tokens"]}
    byte_of = byte_of_character()
    wanted = {token: bytes(byte_of[c] for c in entry) if token not in special else b""
              for entry, token in tokenizer["model"]["vocab"].items()} | special
    assert sorted(wanted) == list(range(size))

    def recited(*options):
        return subprocess.run([LLAMA, "generate", str(file), "--temperature", "0", *options],
                              capture_output=True, check=True).stdout

    assert recited("--tokens", "100000") == b"".join(wanted[i] for i in range(end)) + b"\n"
    assert recited("--tokens", "7") == b"".join(wanted[i] for i in range(7)) + b"\n"
    found = generate(file, "--temperature", 0, "--tokens", 100000)
    assert found["tokens"] == size and found["prompt_tokens"] == 1
    found = generate(file, "--temperature", 0, "--tokens", 5, "--prompt", "a")
    assert found["tokens"] == 5
    speed = json.loads(support.output_of(LLAMA, "speed", file, "--tokens", 9, "--json"))
    assert speed["tokens"] == 9


def test_shares_of_sampled_tokens(folder):
    """A model that finds the same tokens equally likely after any text."""
    config = small_config(tie_word_embeddings=False)
    tensors = {name: np.ones(shape, np.float32) if len(shape) == 1 else np.zeros(shape, np.float32)
               for name, shape in support.layer_shapes(config).items()}
    tensors["model.embed_tokens.weight"][:] = 1
    weights = np.arange(1, 11) ** 2 / np.sum(np.arange(1, 11) ** 2)
    tensors["lm_head.weight"][:] = -1000
    tensors["lm_head.weight"][:10] = np.log(weights)[:, None] / config["hidden_size"]
    tokenizer = json.loads(support.BYTE_TOKENIZER)
    tokenizer["model"]["vocab"] = {digit: i for i, digit in enumerate("0123456789")}
    model = support.write_checkpoint(folder / "dice", config, tensors, json.dumps(tokenizer))
    file = support.quantize(DENSQ, model, folder / "dice.densq", *support.KEEP_ALL)
    count = 3000
    for temperature, top_p in [(1, 1), (2, 1), (0.5, 1), (1, 0.6)]:
        shares = weights ** (1 / temperature)
        shares /= shares.sum()
        kept = [token for token in range(10) if shares[token + 1:].sum() < top_p]
        shares = np.array([share if i in kept else 0 for i, share in enumerate(shares)])
        shares /= shares.sum()
        text = generate(file, "--tokens", count, "--temperature", temperature, "--top-p", top_p)
        found = np.bincount([int(digit) for digit in text["text"]], minlength=10) / count
        deviation = np.sqrt(shares * (1 - shares) / count)
        assert (np.abs(found - shares) <= 4 * deviation).all(), (temperature, top_p, found, shares)


# ---- output --------------------------------------------------------------------------------------


def chat_model(folder):
    """The stories model as one to chat with, if not a good one."""
    model = folder / "model"
    shutil.copytree(STORIES, model)
    config = model / "tokenizer_config.json"
    template = {"chat_template": "<|im_start|>user\n{{ message }}<|im_end|>"}
    config.write_text(json.dumps(json.loads(config.read_text()) | template))
    return support.quantize(DENSQ, model, folder / "chat.densq", "--unweighted")


def test_output_that_cannot_be_written(folder):
    file = chat_model(folder)
    text = folder / "text"
    text.write_text(HELD_OUT.read_text()[:200])
    few = ["--prompt-tokens", "2", "--tokens", "2"]
    measure = ["--text", text, "--window", "8"]
    tokenizer = STORIES / "tokenizer.json"
    commands = [["--help"], ["generate", file, "--tokens", "2"],
                ["generate", file, "--tokens", "2", "--json"], ["chat", file, "--tokens", "2"],
                ["speed", file, *few], ["speed", file, *few, "--json"],
                ["perplexity", file, *measure], ["perplexity", file, *measure, "--json"],
                ["check", file, *measure], ["logits", file, "--tokens", "1,2"],
                ["tokenize", "--tokenizer", tokenizer]]
    for command in commands:
        for place in (">/dev/full", ">&-"):
            result = support.run("sh", "-c", f'"$@" {place}', "sh", LLAMA, *command, text='"a"\n')
            last = result.stderr.splitlines()[-1:]
            assert result.returncode == 1, (command, place, result)
            assert last == ["densq-llama: cannot write the output to stdout"], (command, result)


support.run_tests(globals())
