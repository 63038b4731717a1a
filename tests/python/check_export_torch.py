# SPDX-License-Identifier: MIT
"""transformers loads what densq export writes, as the model that was quantized.

    check_export_torch.py DENSQ

Its weights have 16 values in all, which 4 bits keep without loss: so every tensor must come back
bit for bit, and one that is transposed, cut or named wrongly cannot pass.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM

DENSQ = sys.argv[1]
COMMON = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300,
          "max_position_embeddings": 128, "pad_token_id": 0}
FAMILIES = {
    "Llama": {"tie_word_embeddings": True},
    "GPTNeoX": {},
    "OPT": {"ffn_dim": 96, "word_embed_proj_dim": 64},
    "Qwen2Moe": {"num_experts": 4, "moe_intermediate_size": 32,
                 "shared_expert_intermediate_size": 32},
    "GptOss": {"num_local_experts": 4, "head_dim": 16},
    "Mamba2": {"state_size": 8, "num_heads": 8, "head_dim": 16, "n_groups": 1},
}


def run(*arguments):
    result = subprocess.run([DENSQ, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def load(folder):
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype="auto",
                                                         output_loading_info=True)
    assert not any(report.values()), report
    return model


def check_family(name, options, folder):
    torch.manual_seed(1)
    config = getattr(transformers, f"{name}Config")(**{**COMMON, **options})
    model = AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    values = torch.linspace(-0.05, 0.07, 16).to(torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(values[torch.randint(16, parameter.shape)])
    model.save_pretrained(folder / "model")
    run("quantize", "--model", folder / "model", "--unweighted", "--outliers", "0%", "-o",
        folder / "model.densq")
    run("export", folder / "model.densq", folder / "export", "--shard-size", "100kB")
    model, exported = load(folder / "model"), load(folder / "export")
    wanted, found = model.state_dict(), exported.state_dict()
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for key, values in wanted.items():
        assert found[key].dtype == values.dtype and torch.equal(found[key], values), (name, key)
    return len(wanted)


transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
for family, family_options in FAMILIES.items():
    with tempfile.TemporaryDirectory() as temporary:
        count = check_family(family, family_options, Path(temporary))
    print(f"{family}: {count} tensors are the same", flush=True)
