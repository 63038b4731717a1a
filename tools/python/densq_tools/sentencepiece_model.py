# SPDX-License-Identifier: MIT
"""A tokenizer.model of SentencePiece as tokenizer.json, made by transformers and compared."""
import random

import sentencepiece
from transformers import AutoTokenizer

from . import InputError
from .files import output_file, require_file, write_text

LINES, PIECES = 500, 12  # lines that are compared, of so many pieces


def lines_of(processor):
    """Texts made of the vocabulary."""
    source = random.Random(1)
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())
              if not (processor.is_control(i) or processor.is_byte(i) or processor.is_unknown(i))]
    for _ in range(LINES):
        yield "".join(source.choices(pieces, k=PIECES)).replace("\u2581", " ")


def convert(source, target):
    target = output_file(target)
    require_file(source)
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.load(str(source))
        tokenizer = AutoTokenizer.from_pretrained(source.parent, local_files_only=True,
                                                  trust_remote_code=False).backend_tokenizer
    except OSError:
        raise
    except Exception as error:  # whatever its libraries raise
        raise InputError(f"{source}: transformers cannot load this tokenizer: {error}") from error
    for line in lines_of(processor):
        wanted = processor.encode(line)
        found = tokenizer.encode(line, add_special_tokens=False).ids
        if found != wanted:
            raise InputError(f"{source}: transformers reads it otherwise than SentencePiece: of "
                             f"{line!r} it makes {found}, not {wanted}")
    write_text(target, tokenizer.to_str(pretty=True))
    return tokenizer.get_vocab_size()
