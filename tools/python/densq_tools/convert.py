# SPDX-License-Identifier: MIT
"""Convert models, gradients and tokenizers of other kinds to what `densq quantize` reads.

    densq-convert MODEL.gguf FOLDER               a Hugging Face folder with safetensors
    densq-convert CHECKPOINT.pt FILE.safetensors  a state dict, a list of layers' dicts, or a folder
                                                  with pytorch_model.bin, its shards or layer_*.pt
    densq-convert FOLDER/tokenizer.model FOLDER/tokenizer.json
                                                  SentencePiece, as transformers reads it

GGUF: the LLaMA architecture in any of its quantizations, with a byte-level BPE tokenizer; weights
are dequantized. Of a split file, any part may be named. PyTorch files are loaded with
weights_only=True: none of their code is run. The output is there when it is whole.
"""
import argparse
from pathlib import Path

from . import InputError
from .command import add_traceback_option, run_command
from .files import require_file

LFS_POINTER = b"version https://git-lfs"


def require_suffix(target, suffix, kind):
    if target.suffix != suffix:
        raise InputError(f"{target}: the output of a {kind} is a {suffix} file")


def first_bytes(path):
    require_file(path)
    with open(path, "rb") as file:
        return file.read(len(LFS_POINTER))


def convert(source, target, dtype):
    begin = b"" if source.is_dir() else first_bytes(source)
    if begin == LFS_POINTER:
        raise InputError(f"{source}: is a pointer of git-lfs, not the file itself; get that with "
                         "git lfs pull")
    if begin.startswith(b"GGUF") or source.suffix == ".gguf":
        from . import gguf_model
        gguf_model.convert(source, target, dtype)
        print(f"{target}: a Hugging Face model folder")
    elif source.is_dir() or source.suffix in (".pt", ".bin", ".pth"):
        require_suffix(target, ".safetensors", "PyTorch checkpoint")
        from . import torch_checkpoint
        print(f"{target}: {torch_checkpoint.convert(source, target)} tensors")
    elif source.suffix == ".model":
        require_suffix(target, ".json", "SentencePiece model")
        from . import sentencepiece_model
        print(f"{target}: {sentencepiece_model.convert(source, target)} tokens")
    else:
        raise InputError(f"{source}: neither .gguf nor .pt, .pth, .bin, nor a folder of such, nor "
                         "a tokenizer.model")


def parse_args(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--dtype", choices=("float16", "float32"), default="float16",
                        help="of the matrices of a GGUF file (default %(default)s)")
    add_traceback_option(parser)
    return parser.parse_args(arguments)


def main(arguments=None):
    run_command("densq-convert", lambda args: convert(args.source, args.target, args.dtype),
                parse_args(arguments), "nothing was written")


if __name__ == "__main__":
    main()
