# SPDX-License-Identifier: MIT
"""densq-llama on an emulated GPU against the same on the CPU.

    check_cuda.py LLAMA
"""
import json
import sys

import numpy as np

import support

LLAMA = sys.argv[1]
CONFIG = {
    "model_type": "llama", "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 10,
    "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
}


def write_model(path):
    random = np.random.default_rng(1)
    matrices, tensors = {}, {}
    for name, shape in support.layer_shapes(CONFIG).items():
        if len(shape) == 2:
            lut = np.sort(random.normal(0, 0.3, (shape[0], 8)).astype("<f2"), axis=1)
            matrices[name] = support.make_file.Matrix(3, lut, random.integers(0, 8, shape))
        else:
            tensors[name] = support.make_file.Tensor("F32", shape, np.ones(shape, "<f4").tobytes())
    metadata = {"config.json": json.dumps(CONFIG), "tokenizer.json": support.BYTE_TOKENIZER}
    path.write_bytes(support.make_file.make_file(metadata, matrices, tensors))
    return path


def logits(file, backend):
    output = support.output_of(LLAMA, "logits", file, "--tokens", "1,2,3,4,5,6", "--window", 4,
                               "--backend", backend, "--precision", "exact")
    return np.array([json.loads(line) for line in output.splitlines()])


def test_same_logits(folder):
    file = write_model(folder / "model.densq")
    on_cpu, on_gpu = logits(file, "scalar"), logits(file, "cuda:1")
    assert on_gpu.shape == (6, 10) and np.abs(on_cpu).max() > 0.1
    assert np.abs(on_gpu - on_cpu).max() < 1e-4 * np.abs(on_cpu).max(), (on_gpu, on_cpu)


def test_no_such_device(folder):
    file = write_model(folder / "model.densq")
    result = support.run(LLAMA, "logits", file, "--tokens", "1", "--backend", "cuda:2")
    support.assert_error(result, "there is no cuda:2")


support.run_tests(globals())
