# SPDX-License-Identifier: MIT
"""Texts that a tokenizer may get wrong."""
import pathlib
import re
import unicodedata

TABLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "llama" / "unicode_tables.cpp"

CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "''s", "'x", "\u2019s",
                "it's", "they're've", "'sd", "rock'n'roll", "'r", "'", "' s", " 's", "1's", "!'s"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\v", "\f", "\x85", "\xa0", "\u1680",
          "\u2003", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u180e", "\u200b", "\ufeff"]
SEQUENCES = [
    "\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466",
    "\U0001F3F3\ufe0f\u200d\U0001F308", "\U0001F1E9\U0001F1EA", "1\ufe0f\u20e3",
    "\U0001F44D\U0001F3FD", "e\u0301", "a\u0308\u0323", "\u0301", "\u0915\u094d\u0937\u093f",
    "\u05e9\u05c1\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627", "\u202eabc\u202c",
    "\u1112\u1161\u11ab", "\ud55c", "\u4e2d\u6587", "\u0663\u0664\u0665", "\u0967\u0968", "\u2167",
    "\u00bd", "\u00b2", "\u2460", "\uff11", "\U0001D7D8", "\U00010330", "\x00", "\x07", "\x1b[0m",
    "\x7f", "\x80", "\x9f", "\xad", "\u2060", "\ue000", "\ufdd0", "\uffff", "\U000F0000",
    "\U0010FFFF", "\ufffd", "\u0130", "\u01c5", "\u02b0", "\u00df", "\u1e9e", "\ufb01", "Word",
    "word", "WORD", "naive", "x_1", "3.14", "-7", "...", "?!", "\"", "\\", "\\u0041", "/", "<", "|",
    ">", "\u0120", "\u010a", "#", "@a",
]


def known_code_points():
    """Those whose categories the program's tables and any version of `tokenizers` agree on: that
    are assigned in Unicode as old as the tables, or never will be."""
    tables = re.search(r"Unicode (\d+)\.", TABLES.read_text(encoding="utf-8")).group(1)
    newer = int(unicodedata.unidata_version.split(".")[0]) > int(tables)
    category = (unicodedata.ucd_3_2_0 if newer else unicodedata).category
    return [code for code in range(0x110000)
            if not 0xD800 <= code < 0xE000
            and (category(chr(code)) != "Cn" or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0)]


def by_category(codes):
    pools = {}
    for code in codes:
        pools.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return list(pools.values())


def by_plane(codes):
    pools = {}
    for code in codes:
        pools.setdefault(code >> 16, []).append(chr(code))
    return list(pools.values())


def odd_lines(random, count, codes, extra=()):
    """`count` texts; `extra`: sequences to weave in."""
    categories, planes = by_category(codes), by_plane(codes)
    woven = [CONTRACTIONS, SPACES, SPACES, SEQUENCES, SEQUENCES, *([list(extra)] if extra else [])]

    def one_of(pools):
        return random.choice(random.choice(pools))

    def repeated():
        return random.choice([*SPACES, *SEQUENCES, "a", "7", "'", "ab"]) * random.randrange(1, 200)

    makers = [
        lambda: "".join(one_of(categories) for _ in range(random.randrange(1, 40))),
        lambda: "".join(one_of(planes) for _ in range(random.randrange(1, 20))),
        lambda: "".join(random.choices(" \n\ta1!'sr\u00e9\u00a0", k=random.randrange(1, 14))),
        lambda: "".join(one_of(woven) for _ in range(random.randrange(1, 25))),
        lambda: "".join(random.choice([one_of(woven), one_of(categories)])
                        for _ in range(random.randrange(1, 25))),
        lambda: one_of(woven) + repeated() + one_of(woven),
    ]
    return ["", *(makers[i % len(makers)]() for i in range(count - 1))]
