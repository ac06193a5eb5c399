"""Expands templates: [a|b] chooses, {slot} fills in, and sentences begin with a capital."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SENTENCE_START = re.compile(r"(^|[.!?] |\.\" |\n)(\"?)([a-z])")
_QUOTE_START = re.compile(r"(^| )\"([a-z])")
_CONSONANT_SOUNDS = ("uni", "uku", "use", "one", "eu")


def expand(template: str, slots: Mapping[str, str], rng: random.Random) -> str:
    """Returns one text of a template."""
    while match := _CHOICE.search(template):
        chosen = rng.choice(match.group(1).split("|"))
        template = template[: match.start()] + chosen + template[match.end() :]
    return capitalized(template.format_map(slots).replace("  ", " ").strip())


def capitalized(text: str) -> str:
    """Begins sentences and spoken words with a capital."""
    text = _SENTENCE_START.sub(lambda match: match.group(1) + match.group(2) + match.group(3).upper(), text)
    return _QUOTE_START.sub(lambda match: f'{match.group(1)}"{match.group(2).upper()}', text)


def with_article(phrase: str) -> str:
    """Puts `a` or `an` before a noun phrase."""
    is_vowel = phrase[:1].lower() in "aeiou" and not phrase.lower().startswith(_CONSONANT_SOUNDS)
    is_vowel = is_vowel or phrase.lower().startswith("honest")
    return f"{'an' if is_vowel else 'a'} {phrase}"


def plural(noun: str) -> str:
    irregular = {"mouse": "mice", "wolf": "wolves", "goose": "geese", "sheep": "sheep", "deer": "deer", "fish": "fish", "child": "children"}
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("man"):
        return noun[:-3] + "men"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith("f"):
        return noun[:-1] + "ves"
    return noun + "s"
