# SPDX-License-Identifier: MIT
"""A LLaMA decoder in numpy, float64, all tokens at once: what densq-llama is held to."""
import numpy as np

M, N, BLOCK = 4095, 32767, 256  # of the fast precision, docs/precision.md


def plain(weight):
    return lambda x: x @ weight.T


def exact(matrix):
    return plain(matrix.dense())


def fast(matrix):
    """The dense part in the integers of docs/precision.md."""
    largest = np.abs(matrix.lut).max(axis=1)
    scale = np.where(largest > 0, largest, 1) / M
    integers = matrix.codes_looked_up(np.rint(matrix.lut / scale[:, None]))

    def multiply(x):
        y = x @ matrix.sparse.T
        for first in range(0, x.shape[1], BLOCK):
            block = x[:, first:first + BLOCK]
            step = np.maximum(np.abs(block).max(axis=1, keepdims=True), 2.0 ** -100) / N
            y += np.rint(block / step) @ integers[:, first:first + BLOCK].T * step * scale
        return y

    return multiply


def softmax(x):
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


class Decoder:
    def __init__(self, config, tensors, matrices=None, multiplier=exact):
        """`tensors`: name -> array; `matrices`: name -> support.Quantized."""
        self.config, self.tensors, self.matrices = config, tensors, matrices or {}
        self.multiplier = multiplier
        self.heads = config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads", self.heads)
        self.width = config.get("head_dim") or config["hidden_size"] // self.heads
        rope = config.get("rope_parameters") or config
        self.theta = rope.get("rope_theta", 10000.0)

    def logits(self, tokens):
        embedding = "model.embed_tokens.weight"
        if embedding in self.matrices:
            x = self.matrices[embedding].dense()[tokens]
        else:
            x = np.asarray(self.tensors[embedding], np.float64)[tokens]
        for layer in range(self.config["num_hidden_layers"]):
            name = f"model.layers.{layer}."
            x = x + self.attention(name + "self_attn.", self.norm(name + "input_layernorm", x))
            x = x + self.swiglu(name + "mlp.", self.norm(name + "post_attention_layernorm", x))
        tied = self.config.get("tie_word_embeddings", False)
        return self.linear(embedding.removesuffix(".weight") if tied else "lm_head",
                           self.norm("model.norm", x))

    def linear(self, name, x):
        name += ".weight"
        if name in self.matrices:
            return self.multiplier(self.matrices[name])(x)
        return plain(np.asarray(self.tensors[name], np.float64))(x)

    def norm(self, name, x):
        mean = (x ** 2).mean(axis=1, keepdims=True)
        weight = np.asarray(self.tensors[name + ".weight"], np.float64)
        return x / np.sqrt(mean + self.config["rms_norm_eps"]) * weight

    def swiglu(self, name, x):
        gate = self.linear(name + "gate_proj", x)
        return self.linear(name + "down_proj",
                           gate / (1 + np.exp(-gate)) * self.linear(name + "up_proj", x))

    def attention(self, name, x):
        count = len(x)
        q = self.rotated(self.linear(name + "q_proj", x).reshape(count, self.heads, self.width))
        k = self.rotated(self.linear(name + "k_proj", x).reshape(count, self.kv_heads, self.width))
        v = self.linear(name + "v_proj", x).reshape(count, self.kv_heads, self.width)
        group = self.heads // self.kv_heads
        k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
        scores = np.einsum("qhw,khw->hqk", q, k) / np.sqrt(self.width)
        scores[:, np.triu(np.ones((count, count), bool), 1)] = -np.inf
        mixed = np.einsum("hqk,khw->qhw", softmax(scores), v)
        return self.linear(name + "o_proj", mixed.reshape(count, -1))

    def rotated(self, heads):
        """Turns (x_i, x_{i + width/2}) by the angle position * theta^(-2i / width)."""
        half = self.width // 2
        turn = np.exp(1j * np.outer(np.arange(len(heads)),
                                    self.theta ** (-np.arange(half) / half)))
        pairs = (heads[..., :half] + 1j * heads[..., half:]) * turn[:, None]
        return np.concatenate([pairs.real, pairs.imag], axis=-1)
