# SPDX-License-Identifier: MIT
"""A GGUF file of the LLaMA architecture as a Hugging Face model folder."""
import re

import gguf
import numpy
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from . import InputError
from .files import ShardWriter, write_json, write_text

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
OTHER_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
IGNORED = {"rope_freqs.weight"}  # precomputed frequencies
CONTROL, USER_DEFINED = 3, 4  # of tokenizer.ggml.token_type


class GgufModel:
    def __init__(self, path):
        try:
            self.reader = gguf.GGUFReader(path)
        except (ValueError, OSError) as error:
            raise InputError(f"{path}: not a GGUF file: {error}") from error
        self.path = path
        architecture = self.field("general.architecture")
        if architecture != "llama":
            raise InputError(f"{path}: its architecture is {architecture!r}, only llama is known")

    def field(self, name, default=None):
        field = self.reader.fields.get(name)
        if field is None and default is None:
            raise InputError(f"{self.path}: the field {name} is missing")
        return default if field is None else field.contents()

    def has(self, name):
        return name in self.reader.fields

    def hugging_face_name(self, name):
        if name in OTHER_NAMES:
            return OTHER_NAMES[name]
        match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
        if not match or match[2] not in BLOCK_NAMES:
            raise InputError(f"{self.path}: the tensor {name} is not one of a LLaMA model")
        return f"model.layers.{match[1]}.{BLOCK_NAMES[match[2]]}.weight"

    def tensors(self):
        """Pairs of name and F32 array, in the layout of Hugging Face."""
        heads = self.field("llama.attention.head_count")
        kv_heads = self.field("llama.attention.head_count_kv", heads)
        for tensor in self.reader.tensors:
            if tensor.name in IGNORED:
                continue
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            values = values.astype(numpy.float32).reshape(tuple(int(d) for d in tensor.shape[::-1]))
            if tensor.name.endswith("attn_q.weight"):
                values = halves_of_heads(values, heads)
            if tensor.name.endswith("attn_k.weight"):
                values = halves_of_heads(values, kv_heads)
            yield self.hugging_face_name(tensor.name), values

    def config(self, dtype):
        heads = self.field("llama.attention.head_count")
        hidden = self.field("llama.embedding_length")
        names = {tensor.name for tensor in self.reader.tensors}
        config = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "hidden_size": hidden,
            "intermediate_size": self.field("llama.feed_forward_length"),
            "num_hidden_layers": self.field("llama.block_count"),
            "num_attention_heads": heads,
            "num_key_value_heads": self.field("llama.attention.head_count_kv", heads),
            "head_dim": self.field("llama.attention.key_length", hidden // heads),
            "max_position_embeddings": self.field("llama.context_length"),
            "rms_norm_eps": self.field("llama.attention.layer_norm_rms_epsilon"),
            "rope_theta": self.field("llama.rope.freq_base", 10000.0),
            "vocab_size": len(self.field("tokenizer.ggml.tokens")),
            "tie_word_embeddings": "output.weight" not in names,
            "attention_bias": False,
            "mlp_bias": False,
            "torch_dtype": dtype,
        }
        if self.has("llama.rope.scaling.type") and self.field("llama.rope.scaling.type") != "none":
            raise InputError(f"{self.path}: scaled rotary positions are not supported")
        for key, name in (("bos_token_id", "bos"), ("eos_token_id", "eos")):
            if self.has(f"tokenizer.ggml.{name}_token_id"):
                config[key] = self.field(f"tokenizer.ggml.{name}_token_id")
        return config

    def tokenizer(self):
        model = self.field("tokenizer.ggml.model")
        if model != "gpt2":
            raise InputError(f"{self.path}: its tokenizer is {model!r}, only gpt2 (byte-level BPE) "
                             "is known")
        tokens = self.field("tokenizer.ggml.tokens")
        merges = [tuple(merge.split(" ", 1)) for merge in self.field("tokenizer.ggml.merges")]
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
        tokenizer.pre_tokenizer = self.pre_tokenizer()
        tokenizer.decoder = decoders.ByteLevel()
        kinds = self.field("tokenizer.ggml.token_type")
        tokenizer.add_special_tokens([
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, kinds) if kind == CONTROL])
        tokenizer.add_tokens([
            AddedToken(token, normalized=False)
            for token, kind in zip(tokens, kinds) if kind == USER_DEFINED])
        return tokenizer

    def pre_tokenizer(self):
        words = pre_tokenizers.ByteLevel(add_prefix_space=self.field(
            "tokenizer.ggml.add_space_prefix", False), use_regex=True)
        kind = self.field("tokenizer.ggml.pre", "gpt-2")
        if kind == "gpt-2":
            return words
        if kind == "smollm":
            return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), words])
        raise InputError(f"{self.path}: the pre-tokenizer {kind!r} is not known")

    def tokenizer_config(self):
        tokens = self.field("tokenizer.ggml.tokens")
        config = {"tokenizer_class": "PreTrainedTokenizerFast",
                  "clean_up_tokenization_spaces": False,
                  "model_max_length": self.field("llama.context_length")}
        for name, field in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")):
            if self.has(f"tokenizer.ggml.{field}_token_id"):
                config[f"{name}_token"] = tokens[self.field(f"tokenizer.ggml.{field}_token_id")]
        if self.has("tokenizer.chat_template"):
            config["chat_template"] = self.field("tokenizer.chat_template")
        return config


def halves_of_heads(weight, heads):
    """Undoes llama.cpp's order of q and k rows, where the two halves of a head alternate."""
    rows, cols = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def write_folder(model, tensors, folder, dtype):
    """Writes pairs of name and F32 array as a model folder with the model's config and tokenizer.

    dtype: of matrices, "float16" or "float32".
    """
    config, tokenizer = model.config(dtype), model.tokenizer()
    folder.mkdir(parents=True, exist_ok=True)
    shards = ShardWriter(folder)
    try:
        for name, values in tensors:
            # Norms are few and small: F32 keeps them exact.
            shards.add(name, values if values.ndim < 2 else values.astype(dtype))
        shards.finish()
    finally:
        shards.discard()
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
    write_json(folder / "tokenizer_config.json", model.tokenizer_config())
    write_json(folder / "config.json", config)


def convert(path, folder, dtype):
    model = GgufModel(path)
    write_folder(model, model.tensors(), folder, dtype)
