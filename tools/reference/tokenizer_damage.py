"""Damaged variants of the small tokenizers, and what the Rust library says of each."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any, Iterator

import tokenizers
from tokenizers import Tokenizer

TEXTS = ["hello the world", "  two  spaces\n\nx", "<s>a b</s> ell HELLO"]
JUNK: list[Any] = [None, 0, -1, 1.5, "", "x", True, [], {}, ["a"], {"a": 1}, 4294967296]
Path_ = tuple[Any, ...]


def write_tokenizer_damage(tokenizers_folder: Path, golden: Path) -> None:
    """Writes one file: for each variant the change and the library's verdict, with ids where it loads."""
    rng = random.Random(11)
    cases: list[dict[str, Any]] = []
    for folder in sorted(tokenizers_folder.iterdir()):
        base = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        changes = list(_structural(base, rng)) + list(_of_the_model(base, rng)) + list(_of_parts())
        for path, value in changes:
            cases.append({"tokenizer": folder.name, "path": list(path), **_value(value), **_verdict(base, path, value)})
    made_by = {"script": "tools/reference/make_reference.py", "tokenizers": tokenizers.__version__}
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    texts = json.dumps(TEXTS)
    text = f'{{"madeBy": {json.dumps(made_by)},\n"texts": {texts},\n"cases": [\n{lines}\n]}}\n'
    (golden / "damaged-tokenizers.json").write_text(text, encoding="utf-8")


_DELETE = object()


def _value(value: Any) -> dict[str, Any]:
    return {} if value is _DELETE else {"value": value}


def apply(base: Any, path: Path_, value: Any) -> Any:
    changed = copy.deepcopy(base)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if value is _DELETE:
        del holder[path[-1]]
    elif isinstance(holder, list) and path[-1] == len(holder):
        holder.append(value)
    else:
        holder[path[-1]] = value
    return changed


def _verdict(base: Any, path: Path_, value: Any) -> dict[str, Any]:
    try:
        loaded = Tokenizer.from_str(json.dumps(apply(base, path, value)))
    except BaseException:  # a panic of the library is no Exception
        return {"loads": False}
    try:
        return {"loads": True, "ids": [loaded.encode(text).ids for text in TEXTS]}
    except BaseException:
        return {"loads": True}


def _paths(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if path and path[-1] in ("vocab", "merges"):
        return
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _structural(base: Any, rng: random.Random) -> Iterator[tuple[Path_, Any]]:
    for path in _paths(base):
        # A step without a type is read as one of an old format, which is not supported here.
        if path[-1] == "type":
            continue
        yield path, _DELETE
        yield path, rng.choice(JUNK)
    yield ("zzz",), 1


def _of_the_model(base: Any, rng: random.Random) -> Iterator[tuple[Path_, Any]]:
    model = base["model"]
    tokens = list(model["vocab"])
    merges = model["merges"]
    is_text = isinstance(merges[0], str)

    def written(*parts: str) -> Any:
        return " ".join(parts) if is_text else list(parts)

    for parts in (["a", "b", "c"], ["a"], [], ["a", "\u2603"], ["\u2603", "a"], ["z", "~"], ["", ""]):
        yield ("model", "merges", rng.randrange(len(merges))), written(*parts)
    yield ("model", "merges", 1), [1, 2]
    yield ("model", "merges", 1), merges[1].split(" ") if is_text else " ".join(merges[1])
    yield ("model", "merges", len(merges)), merges[0]
    for value in JUNK:
        if value != 0:
            yield ("model", "vocab", rng.choice(tokens)), value
    for _ in range(6):
        yield ("model", "vocab", rng.choice(tokens)), _DELETE
    yield ("model", "vocab"), {}
    for dropout in (0.0, 2.0, -1, "x"):
        yield ("model", "dropout"), dropout
    yield ("model", "unk_token"), "\u2603"
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    place = ("added_tokens", len(base["added_tokens"]))
    next_id = max(max(model["vocab"].values()), *(each["id"] for each in base["added_tokens"])) + 1
    yield place, {"id": next_id, "content": "<other>", **added}
    yield place, {"id": next_id, "content": "", **added}
    yield place, {"id": 2**32, "content": "<other>", **added}
    yield place, {"content": "<other>", **added}
    yield place, {"id": next_id, "content": "<other>"}


def _of_parts() -> Iterator[tuple[Path_, Any]]:
    string = {"String": "l"}
    normalizers: list[Any] = [
        {"type": "Nope"}, {"type": "NFKC"}, {"type": "Strip"}, {"type": "Prepend"}, {"type": "Replace"},
        {"type": "Replace", "pattern": string, "content": "$&o"}, {"type": "Replace", "pattern": "l", "content": "x"},
        {"type": "Replace", "pattern": {"Regex": "("}, "content": "x"}, {"type": "Replace", "pattern": string},
        {"type": "Replace", "pattern": {"String": "e", "Regex": "e"}, "content": "x"}, {"type": "Sequence"},
        {"type": "Sequence", "normalizers": [None]}, {"type": "BertNormalizer"}, {"type": "Precompiled"},
        {"type": "Precompiled", "precompiled_charsmap": "AA=="}, {}, "NFC", [],
    ]
    pre_tokenizers: list[Any] = [
        {"type": "Nope"}, {"type": "ByteLevel"}, {"type": "ByteLevel", "add_prefix_space": 1, "trim_offsets": True},
        {"type": "Metaspace"}, {"type": "Metaspace", "replacement": "\u2581\u2581"},
        {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "nope"},
        {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": False},
        {"type": "Metaspace", "replacement": "\u2581", "str_rep": "xx", "prepend_scheme": "first"},
        {"type": "Split"}, {"type": "Split", "pattern": string, "behavior": "Isolated"},
        {"type": "Split", "pattern": string, "behavior": "isolated", "invert": False},
        {"type": "Split", "pattern": {"Regex": "[a"}, "behavior": "Isolated", "invert": False},
        {"type": "Split", "pattern": "l", "behavior": "Isolated", "invert": False},
        {"type": "Digits"}, {"type": "Punctuation", "behavior": "x"}, {"type": "CharDelimiterSplit", "delimiter": "ll"},
        {"type": "FixedLength", "length": 3}, {"type": "FixedLength"}, {"type": "Replace", "pattern": string, "content": "x"},
        {"type": "Sequence"}, {"type": "Sequence", "pretokenizers": [{"type": "Nope"}]}, {}, "x",
    ]
    text = {"Sequence": {"id": "A", "type_id": 0}}
    x = {"SpecialToken": {"id": "X", "type_id": 0}}

    def template(single: list[Any], names: Any) -> Any:
        return {"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": names}

    post_processors: list[Any] = [
        {"type": "Nope"}, {"type": "ByteLevel"}, {"type": "TemplateProcessing"}, template([], {}), template(["A"], {}),
        template([x, text], {"X": {"id": "X", "ids": [30, 40], "tokens": ["a", "b"]}}),
        template([{"Sequence": {"id": "C", "type_id": 0}}], {}), {"type": "BertProcessing"},
        {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}, {"type": "Sequence"},
        {"type": "Sequence", "processors": [None]}, {},
    ]
    decoders: list[Any] = [
        {"type": "Nope"}, {"type": "ByteLevel"}, {"type": "Metaspace"}, {"type": "Replace"}, {"type": "Strip"},
        {"type": "Strip", "content": "  ", "start": 1, "stop": 0}, {"type": "Strip", "content": " ", "start": -1, "stop": 0},
        {"type": "Sequence"}, {"type": "Sequence", "decoders": [None]}, {},
    ]
    others: list[tuple[str, list[Any]]] = [
        ("normalizer", normalizers), ("pre_tokenizer", pre_tokenizers), ("post_processor", post_processors),
        ("decoder", decoders), ("truncation", [{}, 5]), ("padding", [{}, 5]), ("version", ["2.0", 1, None]),
    ]
    for name, values in others:
        for value in values:
            yield (name,), value
