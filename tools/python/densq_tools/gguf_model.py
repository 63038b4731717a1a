# SPDX-License-Identifier: MIT
"""A GGUF file of the LLaMA architecture as a Hugging Face model folder."""
import math
import sys

import numpy

from . import InputError, some_of
from . import gguf_tokenizer
from .files import ShardWriter, new_folder, require_space, write_json, write_text
from .gguf_file import GgufFile, layer_and_name
from .gguf_rope import rope_scaling

BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
EMBEDDING, NORM, HEAD = "token_embd.weight", "output_norm.weight", "output.weight"
OTHER_NAMES = {
    EMBEDDING: "model.embed_tokens.weight",
    NORM: "model.norm.weight",
    HEAD: "lm_head.weight",
}
ROPE_FACTORS = "rope_freqs.weight"
FIELDS = {f"llama.{name}" for name in (
    "context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size",
    "attention.head_count", "attention.head_count_kv", "attention.key_length",
    "attention.value_length", "attention.layer_norm_rms_epsilon", "rope.dimension_count",
    "rope.freq_base")}
HARMLESS = {  # fields that change nothing if they have this value
    "general.type": "model", "llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 1.0,
    "llama.expert_count": 0, "llama.expert_used_count": 0, "llama.attention.causal": True,
    "tokenizer.ggml.add_sep_token": False, "tokenizer.ggml.remove_extra_whitespaces": False}


class GgufModel:
    def __init__(self, path):
        self.path = path
        self.file = GgufFile(path)
        architecture = self.file.field("general.architecture")
        if architecture != "llama":
            raise InputError(f"{path}: its architecture is {architecture!r}, only llama is known")
        self.check_fields()
        self.heads = self.number("attention.head_count")
        self.kv_heads = self.number("attention.head_count_kv", self.heads)
        self.hidden = self.number("embedding_length")
        self.head_dim = self.number("attention.key_length", self.hidden // max(self.heads, 1))
        self.tokenizer = gguf_tokenizer.GgufTokenizer(self.file)
        self.check_sizes()
        self.check_tensors()

    def number(self, name, default=None):
        value = self.file.field(f"llama.{name}", default)
        if not isinstance(value, (int, float)):
            raise InputError(f"{self.path}: llama.{name} differs from layer to layer, which is not "
                             "supported")
        return value

    def check_fields(self):
        """What would change the model and is not understood is refused."""
        strange = [name for name in self.file.fields
                   if name not in FIELDS and not gguf_tokenizer.knows(name)
                   and name.startswith(("llama.", "tokenizer.", *HARMLESS))
                   and (name not in HARMLESS or self.file.field(name) != HARMLESS[name])]
        if strange:
            values = [f"{name} = {str(self.file.field(name))[:40]}" for name in strange]
            raise InputError(f"{self.path}: these fields are not understood: {some_of(values)}")

    def check_sizes(self):
        for name in ("rope.dimension_count", "attention.value_length"):
            if self.number(name, self.head_dim) != self.head_dim:
                raise InputError(f"{self.path}: llama.{name} is {self.number(name)}, a head has "
                                 f"{self.head_dim}; only whole heads are supported")

    def expected_shapes(self):
        ffn, queries = self.number("feed_forward_length"), self.heads * self.head_dim
        keys = self.kv_heads * self.head_dim
        shapes = {"attn_norm": (self.hidden,), "ffn_norm": (self.hidden,),
                  "attn_q": (queries, self.hidden), "attn_k": (keys, self.hidden),
                  "attn_v": (keys, self.hidden), "attn_output": (self.hidden, queries),
                  "ffn_gate": (ffn, self.hidden), "ffn_up": (ffn, self.hidden),
                  "ffn_down": (self.hidden, ffn)}
        tokens = (len(self.tokenizer.tokens), self.hidden)
        return {EMBEDDING: tokens, NORM: (self.hidden,), HEAD: tokens,
                ROPE_FACTORS: (self.head_dim // 2,),
                **{f"blk.{i}.{name}.weight": shape for i in range(self.number("block_count"))
                   for name, shape in shapes.items()}}

    def check_tensors(self):
        expected, found = self.expected_shapes(), self.file.tensors
        strange = [name for name in found if name not in expected]
        if strange:
            raise InputError(f"{self.path}: not tensors of a LLaMA model with "
                             f"{self.number('block_count')} layers: {some_of(strange)}")
        missing = [name for name in expected
                   if name not in found and name not in (HEAD, ROPE_FACTORS)]
        if missing:
            raise InputError(f"{self.path}: missing tensors: {some_of(missing)}")
        for name in found:
            if self.file.shape(name) != expected[name]:
                raise InputError(f"{self.path}: {name} has the shape {self.file.shape(name)}, its "
                                 f"fields say {expected[name]}")
        self.file.check_types()

    def tensors(self):
        """Pairs of name and F32 array, in the layout of Hugging Face."""
        for name in self.file.tensors:
            if name == ROPE_FACTORS:
                continue
            values = self.file.read(name)
            layer, kind = layer_and_name(name) or (None, None)
            if kind in ("attn_q", "attn_k"):
                values = halves_of_heads(values, self.heads if kind == "attn_q" else self.kv_heads)
            yield (OTHER_NAMES[name] if layer is None
                   else f"model.layers.{layer}.{BLOCK_NAMES[kind]}.weight"), values

    def config(self, dtype):
        config = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "intermediate_size": self.number("feed_forward_length"),
            "num_hidden_layers": self.number("block_count"),
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.number("context_length"),
            "rms_norm_eps": self.number("attention.layer_norm_rms_epsilon"),
            "rope_theta": self.number("rope.freq_base", 10000.0),
            "vocab_size": len(self.tokenizer.tokens),
            "tie_word_embeddings": HEAD not in self.file.tensors,
            "attention_bias": False,
            "mlp_bias": False,
            "torch_dtype": dtype,
            **self.tokenizer.special_ids(),
        }
        if ROPE_FACTORS in self.file.tensors:
            try:
                scaling = rope_scaling(self.file.read(ROPE_FACTORS), self.head_dim,
                                       config["rope_theta"])
            except ValueError as error:
                raise InputError(f"{self.path}: {ROPE_FACTORS} scales rotary frequencies by "
                                 f"factors without a rope_scaling: {error}") from error
            if scaling:
                config["rope_scaling"] = scaling
        return config

    def bytes(self, dtype):
        """Of the folder's tensors."""
        return sum(math.prod(self.file.shape(name)) for name in self.file.tensors) * (
            numpy.dtype(dtype).itemsize)


def halves_of_heads(weight, heads):
    """Undoes llama.cpp's order of q and k rows, where the two halves of a head alternate."""
    rows, cols = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def narrowed(name, values, dtype):
    if values.ndim < 2:
        return values  # Norms are few and small: F32 keeps them exact.
    with numpy.errstate(over="ignore"):
        result = values.astype(dtype)
    if not numpy.isfinite(result).all():
        cause = "exceed float16; --dtype float32 keeps them" if numpy.isfinite(values).all() else (
            "are not finite")
        raise InputError(f"{name}: some weights {cause}")
    return result


def write_folder(model, tensors, folder, dtype):
    """Writes pairs of name and F32 array as a model folder with the model's config and tokenizer.

    dtype: of matrices, "float16" or "float32".
    """
    config, tokenizer = model.config(dtype), model.tokenizer.tokenizer()
    with new_folder(folder) as unfinished:
        require_space(unfinished, model.bytes(dtype))
        write_text(unfinished / "tokenizer.json", tokenizer.to_str(pretty=True))
        write_json(unfinished / "tokenizer_config.json",
                   model.tokenizer.config(config["max_position_embeddings"]))
        write_json(unfinished / "config.json", config)
        if "eos_token_id" in config:
            write_json(unfinished / "generation_config.json", model.tokenizer.special_ids())
        shards = ShardWriter(unfinished)
        for name, values in tensors:
            shards.add(name, narrowed(name, values, dtype))
        shards.finish()


def convert(path, folder, dtype):
    model = GgufModel(path)
    advice = [name for name in model.file.fields if name.startswith("general.sampling.")]
    if advice:
        print(f"densq-convert: left out, as no one reads them in a model folder: {some_of(advice)}",
              file=sys.stderr)
    write_folder(model, model.tensors(), folder, dtype)
