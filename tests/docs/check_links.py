# SPDX-License-Identifier: MIT
"""The links between the texts lead somewhere, and so do the paths that the texts name.

    check_links.py REPOSITORY

A path is a word that begins with the name of a folder of the repository and a slash.  Names in
capitals stand for files that are yet to be written.
"""
import re
import sys
from pathlib import Path

TEXTS = ("*.md", "docs/**/*.md", "examples/**/*.md", ".github/*.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
OUTSIDE = ("http://", "https://", "#", "mailto:")


def targets_of(text, folders):
    """What a text links to, and the paths that it names."""
    yield from (link.split("#")[0] for link in LINK.findall(text) if not link.startswith(OUTSIDE))
    without_blocks = re.sub(r"^```.*?^```", "", LINK.sub("", text), flags=re.M | re.S)
    for path in re.findall(rf"(?<![\w./-])(?:{'|'.join(folders)})/[\w./*-]*\w", without_blocks):
        if not re.search("[A-Z]{3}", path.split("/")[-1]) or path.endswith(".md"):
            yield "/" + path


def exists(root, source, target):
    """Whether a path is there: from the root if it begins with a slash; it may have wildcards."""
    base, pattern = (root, target[1:]) if target.startswith("/") else (source.parent, target)
    if "*" in pattern:
        return any(base.glob(pattern))
    return (base / pattern).exists()


def main():
    root = Path(sys.argv[1]).resolve()
    folders = {path.name for path in root.iterdir()
               if path.is_dir() and not path.name.startswith(("build", "."))} | {"build-aux"}
    wrong, count = [], 0
    for source in sorted(path for pattern in TEXTS for path in root.glob(pattern)):
        for target in targets_of(source.read_text(encoding="utf-8"), folders):
            count += 1
            if not exists(root, source, target):
                wrong.append(f"{source.relative_to(root)}: {target.lstrip('/')} is not there")
    print("\n".join(wrong) or f"{count} links and paths lead somewhere")
    return bool(wrong) or count == 0


if __name__ == "__main__":
    sys.exit(main())
