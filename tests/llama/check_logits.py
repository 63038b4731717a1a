# SPDX-License-Identifier: MIT
"""densq-llama's logits against a decoder in numpy.

    check_logits.py LLAMA DENSQ MODEL_DIR
"""
import json
import pathlib
import sys

import numpy as np
from tokenizers import Tokenizer

import numpy_llama
import support

LLAMA, DENSQ, STORIES = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
BACKENDS = support.backends_of(DENSQ)

# Largest |difference| / largest |logit|.  densq-llama adds in F32: 1e-7 per sum, a few sums deep.
F32_LIMIT = 1e-5
# Difference to the numpy decoder with the integers of the fast precision, for each layer.
# Sometimes activations that differ in their last F32 bit are rounded to different integers, more
# often in deeper layers.
FAST_EMULATED_LIMIT = 5e-4
# Difference to the numpy decoder with the exact weights.  A layer adds at most 2^-10 of sum |w x|
# to an output, and the errors of layers are unrelated.  Measured on the models here: at most 4e-3.
FAST_LIMIT = 1e-2


# No two of its sizes are equal, none is a multiple of 16 but hidden; heads are wider than
# hidden / heads; nothing is shared: neither heads nor embedding.
UNTIED = {
    "model_type": "llama", "hidden_size": 48, "intermediate_size": 100, "num_hidden_layers": 3,
    "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 22, "vocab_size": 67,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
    "tie_word_embeddings": False,
}
# Columns beyond a block of codes and two of activations; all queries share one key head.
TIED = {
    "model_type": "llama", "hidden_size": 600, "intermediate_size": 530, "num_hidden_layers": 2,
    "num_attention_heads": 6, "num_key_value_heads": 1, "vocab_size": 131,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
}
# A multiple of heads per key head, and narrower heads than hidden / heads.
GROUPED = {
    "model_type": "llama", "hidden_size": 70, "intermediate_size": 33, "num_hidden_layers": 1,
    "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 259,
    "max_position_embeddings": 128, "rms_norm_eps": 1e-3, "tie_word_embeddings": False,
}


def logits(file, tokens, *options):
    return support.output_of(LLAMA, "logits", file, "--tokens", ",".join(map(str, tokens)),
                             *options)


def array(text):
    return np.array([json.loads(line) for line in text.splitlines()])


def difference(found, wanted):
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    assert np.isfinite(found).all()
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def report(what, figures):
    print(f"  {what}: " + ", ".join(f"{name} {value:.1e}" for name, value in figures.items()))


class Subject:
    """A model folder and tokens to run it on."""

    def __init__(self, name, model, tokens):
        self.name, self.model, self.tokens = name, model, tokens
        self.config = json.loads((model / "config.json").read_text(encoding="utf-8"))


def made_up(folder, name, config, dtype, seed):
    tensors = {key: value.astype(dtype)
               for key, value in support.random_tensors(config, seed).items()}
    model = support.write_checkpoint(folder / name, config, tensors)
    tokens = np.random.default_rng(seed).integers(0, config["vocab_size"], 45).tolist()
    return Subject(name, model, [config["vocab_size"] - 1, *tokens]), tensors


def stories():
    tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    text = (STORIES.parent / "heldout.txt").read_text(encoding="utf-8")
    tokens = tokenizer.encode(text[:2000], add_special_tokens=False).ids[:61]
    return Subject("stories", STORIES, tokens)


def subjects(folder):
    yield stories()
    for name, config, dtype in [("untied", UNTIED, np.float32), ("tied", TIED, np.float16),
                                ("grouped", GROUPED, np.float32)]:
        yield made_up(folder, name, config, dtype, seed=len(name))[0]


def quantized(folder):
    """(subject, densq file) with every linear layer quantized, and embedding and head too: the
    bits that OpenBLAS makes of plain ones depend on the threads.  (What it does here for attention
    is too small for it to use threads.)"""
    for subject in subjects(folder):
        everything = ["--bits-for", "model.embed_tokens.weight=4"]
        if not subject.config["tie_word_embeddings"]:
            everything += ["--bits-for", "lm_head.weight=3"]
        for bits in "3" if subject.model == STORIES else "234":
            file = support.quantize(DENSQ, subject.model, folder / f"{subject.name}{bits}.densq",
                                    "--unweighted", "--bits", bits, "--outliers", "1%", *everything)
            yield subject, file


def test_reader_inverts_writer(_):
    rng = np.random.default_rng(1)
    for rows, cols in [(1, 1), (17, 40), (16, 512), (3, 1000), (35, 1500)]:
        for bits in (2, 3, 4):
            codes = rng.integers(0, 1 << bits, (rows, cols))
            section = support.make_file.encode_codes(codes, bits)
            assert (support.decode_codes(section, rows, cols, bits) == codes).all()


def test_unquantized(folder):
    """Logits of plain tensors, taken from the arrays of which the model was made."""
    subjects_and_tensors = [
        made_up(folder, "untied", UNTIED, np.float32, 6),
        made_up(folder, "tied", TIED, np.float16, 4),
        made_up(folder, "grouped", GROUPED, np.float32, 7)]
    file = support.quantize(DENSQ, STORIES, folder / "stories.densq", *support.KEEP_ALL)
    subjects_and_tensors.append((stories(), support.read_densq(file).tensors))
    for subject, tensors in subjects_and_tensors:
        file = support.quantize(DENSQ, subject.model, folder / "plain.densq", *support.KEEP_ALL)
        wanted = numpy_llama.Decoder(subject.config, tensors).logits(subject.tokens)
        figures = {}
        for block in (1, 7, len(subject.tokens)):
            found = array(logits(file, subject.tokens, "--window", block))
            figures[f"blocks of {block}"] = difference(found, wanted)
        report(subject.name, figures)
        assert max(figures.values()) < F32_LIMIT


def same_on_any_threads(subject, file, *options):
    one, two = (logits(file, subject.tokens, "--threads", threads, *options) for threads in (1, 2))
    assert one == two, (file.stem, options)
    return array(one)


def check_exact(subject, file, wanted):
    figures = {}
    for backend in BACKENDS:
        options = ["--precision", "exact", "--backend", backend]
        found = [same_on_any_threads(subject, file, *options)]
        found += [array(logits(file, subject.tokens, *options, "--window", block))
                  for block in (1, 13)]
        figures[backend] = max(difference(each, wanted) for each in found)
    report(f"{file.stem} exact", figures)
    assert max(figures.values()) < F32_LIMIT


def check_fast(subject, file, wanted, emulated):
    figures, from_emulated = {}, {}
    for backend in BACKENDS:
        found = same_on_any_threads(subject, file, "--backend", backend)
        figures[backend] = difference(found, wanted)
        from_emulated[backend] = difference(found, emulated)
    report(f"{file.stem} fast", figures)
    report(f"{file.stem} fast against emulated", from_emulated)
    assert 0 < min(figures.values()) and max(figures.values()) < FAST_LIMIT
    layers = subject.config["num_hidden_layers"]
    assert max(from_emulated.values()) < FAST_EMULATED_LIMIT * layers


def test_quantized(folder):
    for subject, file in quantized(folder):
        content = support.read_densq(file)
        decoder = numpy_llama.Decoder(subject.config, content.tensors, content.matrices)
        wanted = decoder.logits(subject.tokens)
        check_exact(subject, file, wanted)
        decoder.multiplier = numpy_llama.fast
        check_fast(subject, file, wanted, decoder.logits(subject.tokens))
    print("backends that ran:", *BACKENDS)


support.run_tests(globals())
