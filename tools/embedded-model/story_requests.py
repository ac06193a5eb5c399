"""How a user may ask for a story, and what each wording names."""

from __future__ import annotations

import random

from grammar import plural, with_article
from stories import Wanted, any_kind, any_name, any_thing
from words import FEARS, LOOKS, PLACES, SKILLS, THEMES, TOPICS, TRAITS

_LEADS = """tell me a story|tell me a short story|write a story|write a short story|write me a story|can you tell me a story|could you tell me a story|
please tell me a story|please write a story|I would like a story|I want a story|I'd like to hear a story|make up a story|invent a story|a story|
give me a story|give me a short story|tell a story|let me hear a story|can you write a story|could you please write a short story|
tell me a nice story|tell me a bedtime story|write a bedtime story|tell me a tale|write a little tale|tell us a story|story|short story|
please make up a little story|write something|can I have a story|how about a story|I need a story|narrate a story|create a story|
compose a short story|tell me a good story|write a fairy tale|tell me a fairy tale|do you know a story|can you make up a story|
would you tell me a story|I want to hear a story|I am looking for a story|please, a story|I'd like something|write something for my little sister|write something for my brother|tell a tale|entertain me with a story|let's have a story|I want to read a story|can I hear a story|write a children's story|tell my daughter a story|tell my son a story|generate a story|generate a short story""".replace("\n", "").split("|")
_SHORT_LEADS = """tell me a very short story|write a very short story|tell me a tiny story|a very short story|write a story in three sentences|tell me a one-minute story|
a quick story, please|give me a really short story|tell me a brief story|write a mini story""".replace("\n", "").split("|")
_ABOUT = ("about", "about", "about", "about", "with", "of", "featuring")


def any_request(rng: random.Random) -> tuple[str, Wanted]:
    """Returns a user's text and what a story for it must hold."""
    is_short = rng.random() < 0.14
    lead = rng.choice(_SHORT_LEADS if is_short else _LEADS)
    subject, fields = rng.choices(_SUBJECTS, _WEIGHTS)[0](rng)
    text = f"{lead} {rng.choice(_ABOUT)} {subject}" if not subject.startswith("~") else f"{lead}{subject[1:]}"
    if rng.random() < 0.04 and not subject.startswith("~") and ("kind" in fields or "thing" in fields):
        text, is_short = subject, False
    if fields.get("kind") and rng.random() < 0.2 and "place" not in fields:
        place = rng.choice(PLACES)
        fields = {**fields, "place": place}
        text += rng.choice((" ", " set ", ", set ", " who lives ", " living ", " that takes place ")) + f"{place[0]} {place[2]} {place[1]}"
    if fields.get("kind") and rng.random() < 0.12 and "name" not in fields:
        name, _ = any_name(rng, fields["kind"])
        fields = {**fields, "name": name}
        text += rng.choice((f". The hero is called {name}", f". {name} is the name", f" and call the hero {name}", f". Use the name {name}"))
    return finished(text, rng), Wanted(**fields, is_short=is_short)


def finished(text: str, rng: random.Random) -> str:
    """Writes a request as people type: with or without capital, point, please and thanks."""
    roll = rng.random()
    if roll < 0.75:
        text = text[0].upper() + text[1:]
    elif roll < 0.78:
        text = text.upper()
    elif roll < 0.9:
        text = text.lower()
    is_question = text.lower().startswith(("can ", "could ", "do ", "would ", "how ", "what ", "who ", "why ", "where ", "which ", "is ", "are "))
    if rng.random() < 0.08 and "please" not in text.lower():
        text += ", please"
    return text + rng.choices(("?" if is_question else ".", "", "!", "?"), (70, 18, 6, 6))[0]


def _hero(rng: random.Random) -> tuple[str, dict]:
    """Returns a noun phrase such as `a brave fox named Pip`."""
    kind = any_kind(rng)
    fields: dict = {"kind": kind}
    roll = rng.random()
    if roll < 0.12:
        return (plural(kind) if rng.random() < 0.7 else f"the {kind}"), fields
    phrase = kind
    if rng.random() < 0.25:
        fields["trait"] = rng.choice(TRAITS)
        phrase = f"{fields['trait']} {kind}"
    phrase = rng.choice((with_article(phrase), with_article(phrase), with_article(phrase), phrase if rng.random() < 0.3 else with_article(phrase)))
    if rng.random() < 0.15:
        fields["name"], _ = any_name(rng, kind)
        phrase += rng.choice((" named ", " called ", " whose name is ", ", ")) + fields["name"]
    return phrase, fields


def _thing(rng: random.Random) -> tuple[str, dict]:
    thing = any_thing(rng)
    if rng.random() < 0.25:
        look = rng.choice(LOOKS)
        return with_article(f"{look} {thing}"), {"thing": thing, "look": look}
    return rng.choice((with_article(thing), with_article(thing), f"the {thing}", thing if rng.random() < 0.3 else with_article(thing))), {"thing": thing}


def _hero_and_thing(rng: random.Random) -> tuple[str, dict]:
    hero, fields = _hero(rng)
    thing, more = _thing(rng)
    joint = rng.choice((" and ", " and ", " and ", " with ", " who finds ", " who loses ", " who has ", ", ", " and also ", " that has ", " and his ", " who wants "))
    if joint == " and his ":
        thing, more = more["thing"], {"thing": more["thing"]}
    return hero + joint + thing, {**fields, **more}


def _hero_and_deed(rng: random.Random) -> tuple[str, dict]:
    hero, fields = _hero(rng)
    thing = any_thing(rng)
    fear, skill = rng.choice(FEARS), rng.choice(SKILLS)
    deed, more = rng.choice(
        (
            (f"who is afraid of {fear}", {"plot": "fear", "fear": fear}),
            (f"who fears {fear}", {"plot": "fear", "fear": fear}),
            (f"who wants to {skill}", {"plot": "skill", "skill": skill}),
            (f"who learns to {skill}", {"plot": "skill", "skill": skill}),
            (f"who loses {rng.choice(('his', 'her', 'a', 'the'))} {thing}", {"plot": "lost", "thing": thing}),
            (f"who finds {with_article(thing)}", {"plot": "found", "thing": thing}),
            ("who gets lost", {"plot": "wayhome"}),
            ("who has a birthday", {"plot": "birthday"}),
            ("in a storm", {"plot": "storm"}),
            ("who tells a lie", {"plot": "honesty"}),
            (f"who breaks {with_article(thing)}", {"plot": "honesty", "thing": thing}),
            (f"who wins {with_article(thing)}", {"plot": "contest", "thing": thing}),
            ("who plants a seed", {"plot": "garden"}),
            (f"with a magic {thing}", {"plot": "wish", "thing": thing}),
        )
    )
    if rng.random() < 0.12:
        return f"~ where {hero} {deed.removeprefix('who ')}" if deed.startswith("who ") else f"{hero} {deed}", {**fields, **more}
    return f"{hero} {deed}", {**fields, **more}


def _two_heroes(rng: random.Random) -> tuple[str, dict]:
    hero, fields = _hero(rng)
    other = any_kind(rng)
    return hero + rng.choice((" and ", " and ", " who meets ", " who helps ", ", ", " and his friend, ", " and her friend ")) + with_article(other), {**fields, "friend_kind": other}


def _three(rng: random.Random) -> tuple[str, dict]:
    hero, fields = _two_heroes(rng)
    thing, more = _thing(rng)
    return hero + rng.choice((" and ", ", and ", " with ", " who find ")) + thing, {**fields, **more}


def _theme(rng: random.Random) -> tuple[str, dict]:
    theme = rng.choice(list(THEMES))
    if rng.random() < 0.4:
        hero, fields = _hero(rng)
        return rng.choice((f"{theme} with {hero}", f"{hero} and {theme}", f"{hero}. It should be about {theme}")), {**fields, "theme": theme}
    return theme, {"theme": theme}


def _topic(rng: random.Random) -> tuple[str, dict]:
    topic = rng.choice(TOPICS)
    if rng.random() < 0.4:
        hero, fields = _hero(rng)
        return rng.choice((f"{hero} and {topic}", f"{hero} who loves {topic}", f"{topic} and {hero}")), {**fields, "topic": topic}
    return topic, {"topic": topic}


def _place(rng: random.Random) -> tuple[str, dict]:
    place = rng.choice(PLACES)
    return rng.choice((f"~ set {place[0]} {place[2]} {place[1]}", f"{place[2]} {place[1]}", f"~ that happens {place[0]} {place[2]} {place[1]}", f"life {place[0]} {place[2]} {place[1]}")), {"place": place}


def _words(rng: random.Random) -> tuple[str, dict]:
    kind, thing = any_kind(rng), any_thing(rng)
    wording = rng.choice(("~ using the words {0} and {1}", "~ with these words: {0}, {1}", "~: {0}, {1}", "~ with the words {0} and {1} in it", "~ called \"The {0} and the {1}\"", "~ with the title The {0} and the {1}", "~ titled \"The {0} and the {1}\""))
    return wording.format(kind, thing), {"kind": kind, "thing": thing}


def _anything(rng: random.Random) -> tuple[str, dict]:
    return rng.choice(("~", "~", "~ for children", "~ for my kids", "~ for a child", "~ to fall asleep", "anything", "~, any story", "something nice", "~ that ends well", "something")), {}


_SUBJECTS = (_hero, _thing, _hero_and_thing, _hero_and_deed, _two_heroes, _three, _theme, _topic, _place, _words, _anything)
_WEIGHTS = (18, 11, 26, 14, 13, 8, 8, 6, 5, 5, 6)
