#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Texts of three kinds, one half to calibrate on and one to evaluate on, from what is here anyway.

    python examples/smollm2/texts.py FOLDER [--prose CALIBRATION EVALUATION] [--stories FILE]

Writes {prose,code,dialogue}-{calibration,evaluation}.txt. Code is this Python's standard library,
prose the documentation strings in it, dialogue the paragraphs of stories in which somebody speaks.
Every second module and the second half of the stories are for evaluation.
"""
import argparse
import ast
import pathlib
import sysconfig
import tokenize

STORIES = pathlib.Path(__file__).parents[1] / "stories" / "heldout.txt"
SHORTEST_PROSE = 200  # characters of a documentation string that is more than a heading


def modules():
    """The sources of the standard library, as texts, in the order of their names."""
    for path in sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("*.py")):
        with tokenize.open(path) as file:
            yield file.read()


def documentation(source):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = (ast.get_docstring(node) for node in ast.walk(ast.parse(source))
             if isinstance(node, kinds))
    return [text for text in texts if text and len(text) >= SHORTEST_PROSE]


def is_speech(paragraph):
    return paragraph.startswith("'") or '"' in paragraph


def write_texts(folder, prose, stories):
    """prose: None, or a pair of files to take in place of documentation."""
    sources = list(modules())
    halves = sources[::2], sources[1::2]
    speech = [line for line in stories.read_text("utf-8").splitlines() if is_speech(line)]
    middle = len(speech) // 2
    texts = {
        "prose": [file.read_text("utf-8") for file in prose] if prose else
                 ["\n\n".join(text for source in half for text in documentation(source))
                  for half in halves],
        "code": ["\n\n".join(half) for half in halves],
        "dialogue": ["\n".join(speech[:middle]), "\n".join(speech[middle:])],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for kind, pair in texts.items():
        for use, text in zip(("calibration", "evaluation"), pair):
            (folder / f"{kind}-{use}.txt").write_text(text.strip() + "\n", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--prose", type=pathlib.Path, nargs=2,
                        metavar=("CALIBRATION", "EVALUATION"),
                        help="texts in place of documentation strings")
    parser.add_argument("--stories", type=pathlib.Path, default=STORIES,
                        help="a paragraph a line (default: those of examples/stories)")
    arguments = parser.parse_args()
    write_texts(arguments.folder, arguments.prose, arguments.stories)


if __name__ == "__main__":
    main()
