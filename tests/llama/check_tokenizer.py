# SPDX-License-Identifier: MIT
"""densq-llama's tokenizer against the `tokenizers` package, token for token.

    check_tokenizer.py LLAMA MODEL_DIR
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

import support
from odd_lines import known_code_points, odd_lines

LLAMA, STORIES = sys.argv[1], pathlib.Path(sys.argv[2])
HELD_OUT = (STORIES.parent / "heldout.txt").read_text(encoding="utf-8")
CODES = known_code_points()
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<|im_end|>\n", " <s>",
           "\u00e9\u00e9"]
ADDED = ["densq", "  ", "4 bits"]
NEARLY_SPECIAL = ["<|im_", "im_start|>", "<|im_start|", "<<|im_end|>>", "dens", "endoftext"]
LINES = [*HELD_OUT.splitlines(), HELD_OUT[:5000],
         *odd_lines(random.Random(1), 6000, CODES, [*SPECIAL, *ADDED, *NEARLY_SPECIAL])]


def tokenize(tokenizer_file, lines):
    out = support.output_of(LLAMA, "tokenize", "--tokenizer", tokenizer_file,
                            text="".join(json.dumps(line) + "\n" for line in lines))
    return [json.loads(line) for line in out.splitlines()]


def compare(text, folder, lines=None):
    """`text`: a tokenizer.json."""
    lines = LINES if lines is None else lines
    file = folder / "tokenizer.json"
    file.write_text(text, encoding="utf-8")
    wanted = [encoding.ids for encoding in
              Tokenizer.from_str(text).encode_batch(lines, add_special_tokens=False)]
    found = tokenize(file, lines)
    assert len(found) == len(wanted)
    wrong = [(line, f, w) for line, f, w in zip(lines, found, wanted) if f != w]
    assert not wrong, (len(wrong), min(wrong, key=lambda w: len(w[0])))
    return found


def byte_level(add_prefix_space=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)


def digits_first(add_prefix_space=False):
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                    byte_level(add_prefix_space)])


def trained(pre_tokenizer, alphabet=None):
    """A tokenizer.json whose merges come from the book and, so that they cross the borders between
    classes of characters where they can, from odd lines."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet is None else alphabet)
    tokenizer.train_from_iterator([HELD_OUT, *odd_lines(random.Random(2), 3000, CODES)], trainer)
    tokenizer.add_tokens([AddedToken(content, normalized=False) for content in ADDED])
    return tokenizer.to_str()


def edited(text, edit):
    root = json.loads(text)
    edit(root)
    return json.dumps(root)


def test_stories(folder):
    compare((STORIES / "tokenizer.json").read_text(encoding="utf-8"), folder)


def test_digits_and_special_tokens(folder):
    """Like SmolLM2's."""
    text = trained(digits_first())
    found = compare(text, folder)
    special = {token["id"] for token in json.loads(text)["added_tokens"]}
    assert special <= {token for tokens in found for token in tokens}


def test_prefix_space(folder):
    for pre_tokenizer in (byte_level(True), digits_first(True)):
        compare(trained(pre_tokenizer), folder)


def test_missing_bytes(folder):
    """Bytes that are not in the vocabulary vanish."""
    lines = ["Zebra \u00ff\u4e2d!", "\x00a\x00", *LINES[:200]]
    compare(trained(byte_level(), alphabet=[]), folder, lines)


def test_ignore_merges(folder):
    """Words of the vocabulary that merges no longer reach."""
    def forget_merges(root):
        root["model"]["merges"] = root["model"]["merges"][::3]

    plain = edited(trained(byte_level()), forget_merges)
    whole = edited(plain, lambda root: root["model"].update(ignore_merges=True))
    assert compare(plain, folder) != compare(whole, folder)


def test_merges_as_strings(folder):
    """As versions of `tokenizers` before 0.20 wrote them."""
    def join(root):
        root["model"]["merges"] = [" ".join(merge) for merge in root["model"]["merges"]]

    compare(edited(trained(byte_level()), join), folder, LINES[-1000:])


def test_class_of_every_character(folder):
    """Merges of a letter, a digit, a mark and a space with any byte show whether the next character
    is in the same word."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [(first, byte) for first in ["a", "1", "!", "\u0120"] for byte in alphabet]
    entries = [*alphabet, *(a + b for a, b in merges)]
    codes = [code for code in CODES if code < 0x20000]
    codes += [code for code in CODES if code >= 0x20000][::97]
    lines = ["".join(f"a{c}1{c}!{c} {c}" for c in map(chr, codes[at:at + 256]))
             for at in range(0, len(codes), 256)]
    for pre_tokenizer in (byte_level(), digits_first()):
        tokenizer = Tokenizer(models.BPE({entry: i for i, entry in enumerate(entries)}, merges))
        tokenizer.pre_tokenizer = pre_tokenizer
        compare(tokenizer.to_str(), folder, lines)


def good_tokenizer():
    return json.loads(support.BYTE_TOKENIZER)


def test_broken_files(folder):
    def changed(**model):
        return {**good_tokenizer(), "model": {**good_tokenizer()["model"], **model}}

    def stepped(*steps):
        return {**good_tokenizer(), "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}

    def added(**token):
        return {**good_tokenizer(), "added_tokens": [{"id": 1, "content": "x", **token}]}

    cases = [
        ("not JSON", "parse"), ("", "parse"), ([], "array"), ({}, "model"), ("null", "null"),
        ({**good_tokenizer(), "normalizer": {"type": "NFC"}}, "normalizer"),
        ({**good_tokenizer(), "pre_tokenizer": {"type": "Metaspace"}}, "Metaspace"),
        ({**good_tokenizer(), "pre_tokenizer": None}, "null"),
        ({"model": good_tokenizer()["model"]}, "pre_tokenizer"),
        (stepped(), "ByteLevel"),
        (stepped({"type": "Digits", "individual_digits": True}), "ByteLevel"),
        (stepped({"type": "Digits"}, {"type": "ByteLevel"}), "Digits"),
        (stepped({"type": "ByteLevel"}, {"type": "Digits", "individual_digits": True}), "Digits"),
        (stepped({"type": "ByteLevel"}, {"type": "ByteLevel"}), "ByteLevel"),
        (stepped({"type": "Split", "pattern": {"Regex": "x"}}, {"type": "ByteLevel"}), "Split"),
        (stepped({"type": "ByteLevel", "use_regex": False}), "use_regex"),
        (changed(type="WordPiece"), "WordPiece"), (changed(type=None), "null"),
        (changed(byte_fallback=True), "byte_fallback"),
        (changed(continuing_subword_prefix="##"), "continuing_subword_prefix"),
        (changed(end_of_word_suffix="</w>"), "end_of_word_suffix"),
        (changed(dropout=0.5), "dropout"),
        (changed(vocab=[]), "no object"), (changed(vocab=3), "no object"),
        (changed(vocab={"a": -1}), "-1"),
        (changed(vocab={"a": "b"}), "b"), (changed(unk_token="a"), "unk_token"),
        (changed(vocab={"a": 1 << 30}), "1073741824"),
        (changed(vocab={"a": 1 << 33}), "8589934592"),
        (changed(merges=["ab"]), "ab"), (changed(merges=[["a"]]), "range"),
        (changed(merges=[1]), "string"),
        (changed(merges=[["a", "b"]]), "vocabulary"),
        (changed(vocab={"a": 0, "b": 1}, merges=["a b"]), "vocabulary"),
        (changed(vocab={"a": 0}, merges=[["a", "\u4e2d"]]), "byte-level"),
        (added(lstrip=True), "lstrip"), (added(rstrip=True), "rstrip"),
        (added(single_word=True), "single_word"),
        (added(id="1"), "number"), (added(id=1 << 40), "1099511627776"),
        (added(content=None), "string"),
        ({**good_tokenizer(), "added_tokens": [{}]}, "content"),
    ]
    file = folder / "tokenizer.json"
    for case, word in cases:
        file.write_text(case if isinstance(case, str) else json.dumps(case), encoding="utf-8")
        result = support.run(LLAMA, "tokenize", "--tokenizer", file, text='"a"\n')
        support.assert_error(result, "tokenizer.json", word)
    support.assert_error(support.run(LLAMA, "tokenize", "--tokenizer", folder / "none", text=""),
                         "none", "cannot open")


def test_broken_input(folder):
    file = folder / "tokenizer.json"
    file.write_text(support.BYTE_TOKENIZER, encoding="utf-8")
    for line in ("a", '"a', "[1]", '"\\ud800"', ""):
        support.assert_error(support.run(LLAMA, "tokenize", "--tokenizer", file, text=line + "\n"))


support.run_tests(globals())
