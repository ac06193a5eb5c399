"""Makes the training text from a seed: one JSON document a line.

Usage: python make_text.py --seed 1 --count 1000 > text.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator

from conversations import Document, any_document


def documents(seed: int, count: int) -> Iterator[Document]:
    rng = random.Random(seed)
    for _ in range(count):
        yield any_document(rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    arguments = parser.parse_args()
    for document in documents(arguments.seed, arguments.count):
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
