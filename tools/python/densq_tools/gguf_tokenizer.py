# SPDX-License-Identifier: MIT
"""The tokenizer of a GGUF file as tokenizer.json and tokenizer_config.json."""
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors)

from . import InputError

CONTROL, USER_DEFINED = 3, 4  # of tokenizer.ggml.token_type
LLAMA3_WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
                r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = "llama-bpe"
FIELDS = {f"tokenizer.ggml.{name}" for name in (
    "model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id",
    "eot_token_id", "eom_token_id", "unknown_token_id", "padding_token_id", "add_bos_token",
    "add_eos_token", "add_space_prefix")} | {"tokenizer.chat_template", "tokenizer.chat_templates"}
# What byte-level BPE does not use, and names of tokens that text does not get by itself.
UNUSED_FIELDS = {f"tokenizer.ggml.{name}" for name in (
    "scores", "token_type_count", "seperator_token_id", "mask_token_id", "cls_token_id",
    "fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id", "fim_pad_token_id",
    "fim_rep_token_id", "fim_sep_token_id", "prefix_token_id", "suffix_token_id",
    "middle_token_id")} | {"tokenizer.huggingface.json"}


class GgufTokenizer:
    def __init__(self, file):
        self.file = file
        self.tokens = file.field("tokenizer.ggml.tokens")
        self.kind = file.field("tokenizer.ggml.pre", "gpt-2")
        if file.field("tokenizer.ggml.model") != "gpt2":
            raise InputError(f"{file.path}: its tokenizer is "
                             f"{file.field('tokenizer.ggml.model')!r}, only gpt2 (byte-level BPE) "
                             "is known")

    def id_of(self, name):
        field = f"tokenizer.ggml.{name}_token_id"
        if not self.file.has(field):
            return None
        number = self.file.field(field)
        if not 0 <= number < len(self.tokens):
            raise InputError(f"{self.file.path}: {field} is {number}, there are "
                             f"{len(self.tokens)} tokens")
        return number

    def special_ids(self):
        """For config.json and generation_config.json."""
        ends = [self.id_of(name) for name in ("eos", "eot", "eom")]
        ends = list(dict.fromkeys(end for end in ends if end is not None))
        ids = {"bos_token_id": self.id_of("bos"),
               "eos_token_id": ends[0] if len(ends) == 1 else ends or None}
        return {key: value for key, value in ids.items() if value is not None}

    def tokenizer(self):
        ids = {token: i for i, token in enumerate(self.tokens)}
        if len(ids) != len(self.tokens):
            raise InputError(f"{self.file.path}: a token is there twice")
        merges = [tuple(merge.split(" ", 1)) for merge in self.file.field("tokenizer.ggml.merges")]
        try:
            bpe = models.BPE(ids, merges, ignore_merges=self.kind == LLAMA3)
        except Exception as error:  # tokenizers has no class for its errors
            raise InputError(f"{self.file.path}: tokenizer.ggml.merges: {error}") from error
        tokenizer = Tokenizer(bpe)
        tokenizer.pre_tokenizer = self.pre_tokenizer()
        tokenizer.decoder = decoders.ByteLevel()
        kinds = self.file.field("tokenizer.ggml.token_type")
        tokenizer.add_special_tokens([
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(self.tokens, kinds, strict=True) if kind == CONTROL])
        tokenizer.add_tokens([
            AddedToken(token, normalized=False)
            for token, kind in zip(self.tokens, kinds, strict=True) if kind == USER_DEFINED])
        self.add_ends(tokenizer)
        return tokenizer

    def pre_tokenizer(self):
        prefix = self.file.field("tokenizer.ggml.add_space_prefix", False)
        words = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=True)
        if self.kind == "gpt-2":
            return words
        if self.kind == "smollm":
            return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words])
        if self.kind == LLAMA3:
            return pre_tokenizers.Sequence([
                pre_tokenizers.Split(Regex(LLAMA3_WORDS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False)])
        raise InputError(f"{self.file.path}: the pre-tokenizer {self.kind!r} is not known")

    def add_ends(self, tokenizer):
        """Has each text begin or end with a token, as the file says; Llama 3's begin so anyway."""
        wanted = {"bos": self.file.field("tokenizer.ggml.add_bos_token", self.kind == LLAMA3),
                  "eos": self.file.field("tokenizer.ggml.add_eos_token", False)}
        used = {name: self.id_of(name) for name in wanted if wanted[name]}
        for name, number in used.items():
            if number is None:
                raise InputError(f"{self.file.path}: tokenizer.ggml.{name}_token_id is missing, "
                                 "and each text is to have that token")
        if used:
            template = ["<bos>"] * ("bos" in used) + ["$A"] + ["<eos>"] * ("eos" in used)
            tokenizer.post_processor = processors.TemplateProcessing(
                single=template, special_tokens=[
                    {"id": f"<{name}>", "ids": [number], "tokens": [self.tokens[number]]}
                    for name, number in used.items()])

    def config(self, length):
        config = {"tokenizer_class": "PreTrainedTokenizerFast",
                  "clean_up_tokenization_spaces": False, "model_max_length": length}
        for name, field in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
            if self.id_of(field) is not None:
                config[f"{name}_token"] = self.tokens[self.id_of(field)]
        templates = self.templates()
        if templates:
            alone = templates.keys() == {"default"}
            config["chat_template"] = templates["default"] if alone else [
                {"name": name, "template": text} for name, text in templates.items()]
        return config

    def templates(self):
        prefix = "tokenizer.chat_template"
        named = {name.removeprefix(f"{prefix}."): self.file.field(name)
                 for name in self.file.fields if name.startswith(f"{prefix}.")}
        return {**({"default": self.file.field(prefix)} if self.file.has(prefix) else {}), **named}


def knows(name):
    return (name in FIELDS or name in UNUSED_FIELDS
            or name.startswith("tokenizer.chat_template."))
