"""Which texts XGrammar accepts for structural tags: texts by hand, and random changes of them.

Run by itself, with `pip install xgrammar` (0.2.9): `python structural_tag_golden.py`. Left out is what is known to
differ by intent: whitespace and numbers of JSON, and triggers of which one is within another, where XGrammar overlooks
the inner one.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import xgrammar

TARGET = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "golden" / "structural-tags.json"
END_TOKEN = 256
CHANGES = 40

JsonMap = dict[str, Any]
ANY: JsonMap = {"type": "any_text"}
SCHEMA: JsonMap = {
    "type": "object",
    "properties": {"a": {"enum": ["x", "yy"]}, "b": {"type": "boolean"}},
    "required": ["a"],
    "additionalProperties": False,
}
JSON: JsonMap = {"type": "json_schema", "json_schema": SCHEMA}


def const(text: str) -> JsonMap:
    return {"type": "const_string", "value": text}


def tag(begin: str, content: JsonMap, end: str | list[str]) -> JsonMap:
    return {"type": "tag", "begin": begin, "content": content, "end": end}


def triggered(**fields: Any) -> JsonMap:
    tags = [tag("<f=1>", JSON, "</f>"), tag("<f=2>", const("y"), "</f>")]
    return {"type": "triggered_tags", "triggers": ["<f="], "tags": tags, **fields}


def separated(**fields: Any) -> JsonMap:
    tags = [tag("<1>", const("x"), "</f>"), tag("<2>", ANY, "</f>")]
    return {"type": "tags_with_separator", "separator": ",", "tags": tags, **fields}


CALLS = ["", "ab", "<f=2>y</f>", 'ab<f=1>{"a":"x","b":true}</f>cd<f=2>y</f>', "<f", "<<f=2>y</f>", "<f=2>y</f>cd"]
LISTS = ["", "<1>x</f>", "<1>x</f>,<2>ab</f>,<1>x</f>", "<2></f>"]

FORMATS: dict[str, tuple[JsonMap, list[str]]] = {
    "a text": (const("<é>"), ["<é>"]),
    "a schema": (JSON, ['{"a":"x"}', '{"a":"yy","b":false}', "{}"]),
    "a regular expression": ({"type": "regex", "pattern": "[a-c]{2,3}x|y"}, ["abx", "abcx", "y"]),
    "a grammar": ({"type": "grammar", "grammar": 'root ::= "a" | "(" root ")"'}, ["a", "((a))"]),
    "any text": (ANY, ["", "ab<é>"]),
    "any text without some": ({**ANY, "excludes": ["no", "never"]}, ["", "nnever", "nnn", "neve"]),
    "a tag of any text": (tag("<t>", ANY, "</t>"), ["<t></t>", "<t>a<b</</t>"]),
    "a tag of several ends": (tag("<", ANY, ["x", "yy"]), ["<ax", "<bayy", "<ayx"]),
    "a tag whose end repeats itself": (tag("<", ANY, "aa"), ["<aa", "<aaa", "<baaa", "<aaaa"]),
    "a tag without an end": (tag("<", const("k"), ""), ["<k"]),
    "a sequence": (
        {"type": "sequence", "elements": [tag("<i>", ANY, "</i>"), const("-"), ANY]},
        ["<i>ab</i>-", "<i></i>-ab"],
    ),
    "text before a text": ({"type": "sequence", "elements": [ANY, const("x")]}, ["x", "abx", "xx"]),
    "one of several": ({"type": "or", "elements": [const("ab"), JSON, const("abc")]}, ["ab", "abc", '{"a":"x"}']),
    "a tag of a sequence": (
        tag("[", {"type": "sequence", "elements": [const("k"), ANY]}, "]"),
        ["[k]", "[kab]", "[k]]"],
    ),
    "a tag of one of several": (tag("[", {"type": "or", "elements": [const("k"), ANY]}, "]"), ["[k]", "[a]"]),
    "a tag within a tag": (tag("<o>", tag("<i>", ANY, "</i>"), "</o>"), ["<o><i>a</i></o>", "<o><i></o></i></o>"]),
    "triggered tags": (triggered(), CALLS),
    "one triggered tag or more": (triggered(at_least_one=True), CALLS),
    "triggered tags up to the first": (triggered(stop_after_first=True), CALLS),
    "one triggered tag": (triggered(at_least_one=True, stop_after_first=True), CALLS),
    "triggered tags without some texts": (triggered(excludes=["ab", "ff"]), CALLS),
    "triggered tags in a tag": (tag("[", triggered(), "]"), [f"[{text}]" for text in CALLS]),
    "a trigger that repeats itself": (
        {"type": "triggered_tags", "triggers": ["aa"], "tags": [tag("aab", const("x"), "c")]},
        ["aabxc", "aaabxc", "baabxc", "a", "aabxcaabxc"],
    ),
    "tags with a separator": (separated(), LISTS),
    "one tag or more with a separator": (separated(at_least_one=True), LISTS),
    "tags with a separator up to the first": (separated(stop_after_first=True), LISTS),
    "tags with an empty separator": (separated(separator=""), ["<1>x</f><2>a</f>", "", "<1>x</f>"]),
    "tags with a separator in a tag": (tag("[", separated(), "]"), [f"[{text}]" for text in LISTS]),
    "an optional format": (tag("[", {"type": "optional", "content": ANY}, "]"), ["[]", "[ab]"]),
    "a format once or more": ({"type": "plus", "content": const("ab")}, ["ab", "ababab"]),
    "a format any number of times": (
        tag("<o>", {"type": "star", "content": tag("<i>", ANY, "</i>")}, "</o>"),
        ["<o></o>", "<o><i>a</i><i></i></o>"],
    ),
    "a format some times": ({"type": "repeat", "min": 2, "max": 3, "content": const("ab")}, ["abab", "ababab"]),
    "a format at least some times": ({"type": "repeat", "min": 2, "max": -1, "content": const("a")}, ["aa", "aaaa"]),
    "rules for texts": (
        {"type": "dispatch", "rules": [["<a>", const("x")], ["<b>", JSON]], "loop": True, "excludes": ["!"]},
        ["", "q", "q<a>xr<a>x", '<b>{"a":"x"}q'],
    ),
    "rules for texts up to the first": (
        {"type": "dispatch", "rules": [["<a>", const("x")]], "loop": False, "excludes": ["!"]},
        ["", "q", "q<a>x", "<a>xr"],
    ),
}


def change(text: str, alphabet: str, source: random.Random) -> str:
    """Leaves out, doubles, inserts or exchanges a few characters."""
    for _ in range(source.randint(1, 2)):
        at = source.randint(0, len(text))
        kind = source.choice(["remove", "double", "insert", "replace", "cut"])
        piece = text[at : at + source.randint(1, 4)]
        if kind == "remove":
            text = text[:at] + text[at + 1 :]
        elif kind == "double":
            text = text[:at] + piece + text[at:]
        elif kind == "insert":
            text = text[:at] + source.choice(alphabet) + text[at:]
        elif kind == "replace":
            text = text[:at] + source.choice(alphabet) + text[at + 1 :]
        else:
            text = text[:at]
    return text


def main() -> None:
    vocabulary = [bytes([byte]) for byte in range(256)] + [b"<end>"]
    info = xgrammar.TokenizerInfo(vocabulary, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[END_TOKEN])
    compiler = xgrammar.GrammarCompiler(info)
    source = random.Random(0)
    cases = []
    for name, (form, seeds) in FORMATS.items():
        compiled = compiler.compile_structural_tag({"type": "structural_tag", "format": form})

        def accepts(text: str) -> bool:
            matcher = xgrammar.GrammarMatcher(compiled)
            return bool(matcher.accept_string(text) and matcher.accept_token(END_TOKEN))

        alphabet = "".join(sorted({character for text in seeds for character in text if not character.isspace()}))
        texts = list(seeds)
        for _ in range(CHANGES if alphabet else 0):
            texts.append(change(source.choice(seeds), alphabet + "!z", source))
        texts = list(dict.fromkeys(texts))
        accepted = [text for text in texts if accepts(text)]
        refused = [text for text in texts if text not in accepted]
        cases.append({"name": name, "format": form, "accepted": accepted, "refused": refused})
    made = {"made_by": "tools/reference/structural_tag_golden.py", "xgrammar": "0.2.9", "cases": cases}
    TARGET.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
