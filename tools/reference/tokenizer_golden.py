"""What transformers makes of the hostile strings with each small tokenizer."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from hostile_strings import STRINGS
from versions import provenance

SEQUENCES = 40


def write_tokenizer_golden(name: str, folder: Path, golden: Path) -> None:
    """Encodes and decodes by the library; `folder` is a tokenizer directory."""
    tokenizer = load_tokenizer(folder)
    rng = random.Random(7)
    entries = [_entry(tokenizer, text) for text in STRINGS]
    sequences = []
    for _ in range(SEQUENCES):
        ids = [rng.randrange(len(tokenizer)) for _ in range(rng.randrange(1, 12))]
        sequences.append({"ids": ids, **_decoded(tokenizer, ids)})
    value = {
        "tokenizer": name,
        "madeBy": provenance("tools/reference/make_reference.py"),
        "loadedBy": type(tokenizer).__name__,
        "vocabSize": len(tokenizer),
        "specialIds": sorted(index for index, token in tokenizer.backend_tokenizer.get_added_tokens_decoder().items() if token.special),
        "strings": entries,
        "sequences": sequences,
    }
    golden.mkdir(parents=True, exist_ok=True)
    lines = json.dumps(value, indent=1, ensure_ascii=True)
    (golden / f"tokenizer-{folder.name}.json").write_text(lines + "\n", encoding="utf-8")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Loads by AutoTokenizer, unless that does something else than tokenizer.json says.

    transformers 5 builds a LlamaTokenizer anew, with Metaspace, where the file has the older Prepend normalizer;
    transformers 4 and all other libraries follow the file, and so do the golden values.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if all(tokenizer(text, add_special_tokens=False).input_ids == plain.encode(text, add_special_tokens=False).ids for text in STRINGS):
        return tokenizer
    return PreTrainedTokenizerFast.from_pretrained(folder)


def _entry(tokenizer: PreTrainedTokenizerFast, text: str) -> dict[str, Any]:
    ids = tokenizer(text, add_special_tokens=False).input_ids
    with_special = tokenizer(text, add_special_tokens=True).input_ids
    return {"text": text, "ids": ids, "idsWithSpecial": with_special, **_decoded(tokenizer, with_special)}


def _decoded(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> dict[str, str]:
    return {
        "decoded": tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        "decodedSkipSpecial": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
    }
