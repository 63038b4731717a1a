# SPDX-License-Identifier: MIT
"""Convert models and gradients of other kinds to what `densq quantize` reads.

    densq-convert MODEL.gguf FOLDER             a Hugging Face folder with safetensors
    densq-convert CHECKPOINT.pt FILE.safetensors  a state dict, a list of layers' dicts, or a folder
                                                with pytorch_model.bin, its shards or layer_*.pt

GGUF: the LLaMA architecture in any of its quantizations, with a byte-level BPE tokenizer; weights
are dequantized. PyTorch files are loaded with weights_only=True: none of their code is run.
"""
import argparse
import sys
from pathlib import Path

from . import InputError


def convert(source, target, dtype):
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if source.suffix == ".gguf":
        from . import gguf_model
        gguf_model.convert(source, target, dtype)
        print(f"{target}: a Hugging Face model folder")
    elif source.is_dir() or source.suffix in (".pt", ".bin", ".pth"):
        if target.suffix != ".safetensors":
            raise InputError(f"{target}: the output of a PyTorch checkpoint is a .safetensors file")
        from . import torch_checkpoint
        print(f"{target}: {torch_checkpoint.convert(source, target)} tensors")
    else:
        raise InputError(f"{source}: neither .gguf nor .pt, .pth, .bin, nor a folder of such")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16",
                        help="of the matrices of a GGUF file (default %(default)s)")
    arguments = parser.parse_args()
    try:
        convert(arguments.source, arguments.target, arguments.dtype)
    except (InputError, OSError) as error:
        sys.exit(f"densq-convert: error: {error}")


if __name__ == "__main__":
    main()
