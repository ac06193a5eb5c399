"""One story: who, what and where are drawn or asked for, then the beats of a plot are told about them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from grammar import expand, with_article
from plots import PLOTS, Plot
from words import ANIMALS, BOYS, FANTASY, FEARS, FOODS, GIRLS, LOOKS, OBJECTS, OUTINGS, PEOPLE, PLACES, SKILLS, SPOTS, SYLLABLES, ENDINGS, THEMES, TRAITS

MALE = set("boy king prince wizard grandfather rooster pirate knight fisherman postman snowman".split())
FEMALE = set("girl queen princess witch grandmother hen cow lioness mermaid fairy".split())
STOLEN = ("the bread", "the honey", "a whole cake", "the soup", "the last pie", "the cheese", "a jar of jam")

_OPENINGS = (
    "[once upon a time|long ago|once], there [was|lived] {atk} [named|called] {n}. {s} lived {in_home}.",
    "[once upon a time|once upon a time|long, long ago|a long time ago], {in_home}, there lived {atk} [named|called] {n}.",
    "{n} was {atk} who lived {in_home}.",
    "{in_home} lived {atk} whose name was {n}.",
    "there once was {atk} [named|called] {n}, [and|who lived {in_home}, and] everyone liked {o}.",
    "this is the story of {n}, {atk} who lived {in_home}.",
    "[in a small house|not far away], {in_home}, lived {n}, {atk}.",
    "have you ever heard of {n}? {s} was {atk}, and {s} lived {in_home}.",
    "{n} {h} lived {in_home}. {s} was [very|a little|always|so] {t}.",
)
_PLACED = ("everyone {in_the_home} knew {o}.", "{s} had a [small|cosy|warm] little house with a [round|green|red] door.", "{s} liked to watch the [clouds|stars|birds] above {home}.", "life there was quiet and good.", "every morning {s} [drank a cup of tea|said good morning to the sun|swept the floor].")
_TOPIC_OPENINGS = ("{n} loved {topic}.", "there was nothing {n} liked more than {topic}.", "when {n} thought of {topic}, {s} smiled.", "{n} often talked about {topic}.")
_TOPIC_ENDINGS = ("and {topic}? {n} still [loves|loved] {topic}.", "and every time {n} thought of {topic}, {s} remembered that day.", "that night, {n} dreamed of {topic}.")
_ENDINGS = ("and they lived happily ever after.", "the end.", "and that was the end of a very good day.", "and if they have not moved away, they still live there today.", "and {n} slept well that night.", "and {n} never forgot that day.")


@dataclass(frozen=True)
class Wanted:
    """What a request names; what it leaves out is drawn."""

    kind: str | None = None
    friend_kind: str | None = None
    name: str | None = None
    thing: str | None = None
    look: str | None = None
    trait: str | None = None
    place: tuple[str, str, str] | None = None
    theme: str | None = None
    topic: str | None = None
    plot: str | None = None
    fear: str | None = None
    skill: str | None = None
    is_short: bool = False


@dataclass
class Story:
    plot: Plot
    slots: dict[str, str]
    wanted: Wanted
    beats: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(self.beats)


def any_kind(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.06:
        return invented_word(rng)
    return rng.choice(ANIMALS if roll < 0.62 else PEOPLE if roll < 0.82 else FANTASY)


def any_thing(rng: random.Random) -> str:
    return invented_word(rng) if rng.random() < 0.06 else rng.choice(OBJECTS)


def invented_word(rng: random.Random) -> str:
    """A word that no list holds, so that names and nouns are copied letter by letter."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((1, 2, 2, 3)))) + rng.choice(ENDINGS + ["", "", ""])


def any_name(rng: random.Random, kind: str) -> tuple[str, bool]:
    is_male = kind in MALE or (kind not in FEMALE and rng.random() < 0.5)
    name = rng.choice(BOYS if is_male else GIRLS)
    return (invented_word(rng).capitalize() if rng.random() < 0.08 else name), is_male


def make_story(rng: random.Random, wanted: Wanted) -> Story:
    plots = THEMES.get(wanted.theme or "", tuple(plot.name for plot in PLOTS))
    name = wanted.plot or rng.choice(plots)
    plot = next(plot for plot in PLOTS if plot.name == name)
    story = Story(plot, _slots(rng, wanted), wanted)
    _tell(story, rng)
    return story


def _slots(rng: random.Random, wanted: Wanted) -> dict[str, str]:
    kind = wanted.kind or any_kind(rng)
    name, is_male = any_name(rng, kind)
    if wanted.name is not None:
        name = wanted.name
        is_male = name in BOYS if name in BOYS or name in GIRLS else is_male
    friend_kind = wanted.friend_kind or any_kind(rng)
    while friend_kind == kind and wanted.friend_kind is None:
        friend_kind = any_kind(rng)
    friend, friend_is_male = any_name(rng, friend_kind)
    while friend == name:
        friend, friend_is_male = any_name(rng, friend_kind)
    thing = wanted.thing or any_thing(rng)
    look = wanted.look or (rng.choice(LOOKS) if rng.random() < 0.6 else "")
    trait = wanted.trait or rng.choice(TRAITS)
    preposition, place, article = wanted.place or rng.choice(PLACES)
    looked = f"{look} {thing}".strip()
    first_trait = trait if wanted.trait or rng.random() < 0.7 else ""
    slots = {
        "n": name, "n_s": name + "'s", "k": kind, "h": f"the {kind}", "t": trait, "atk": with_article(f"{first_trait} {kind}".strip()),
        "f": friend, "f_s": friend + "'s", "fk": friend_kind, "fh": f"the {friend_kind}",
        "x": f"the {looked if look and rng.random() < 0.25 else thing}", "xx": thing, "ax": with_article(looked), "alx": with_article(looked),
        "lxx": looked, "ap": with_article(thing), "topic": wanted.topic or "",
        "in_home": f"{preposition} {article} {place}", "in_the_home": f"{preposition} the {place}", "home": f"the {place}",
        "out": "the " + rng.choice([outing for outing in OUTINGS if outing != place]), "spot": rng.choice(SPOTS), "food": rng.choice(FOODS),
        "skill": wanted.skill or rng.choice(SKILLS), "fear": wanted.fear or rng.choice(FEARS), "the_food": rng.choice(STOLEN),
    }
    return {**slots, **_pronouns("", is_male), **_pronouns("f", friend_is_male)}


def _pronouns(prefix: str, is_male: bool) -> dict[str, str]:
    subject, object_, possessive = ("he", "him", "his") if is_male else ("she", "her", "her")
    own = "himself" if is_male else "herself"
    return {f"{prefix}s": subject, f"{prefix}o": object_, f"{prefix}p": possessive, f"{prefix}self": own}


def _alternatives(beat: str) -> list[str]:
    """Splits a beat at the bars that are outside brackets."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(beat):
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            parts.append(beat[start:index])
            start = index + 1
    return [*parts, beat[start:]]


def _tell(story: Story, rng: random.Random) -> None:
    def say(template: str) -> None:
        story.beats.append(expand(rng.choice(_alternatives(template)), story.slots, rng))

    is_short = story.wanted.is_short
    keep = 0.0 if is_short else rng.choice((0.2, 0.5, 0.8))
    say(rng.choice(_OPENINGS))
    if not is_short and rng.random() < 0.35:
        say(rng.choice(_PLACED))
    if story.wanted.topic:
        say(rng.choice(_TOPIC_OPENINGS))
    if is_short and rng.random() < 0.6:
        say(story.plot.summary)
    else:
        for beat in story.plot.beats:
            if not beat.startswith("?"):
                say(beat)
            elif rng.random() < keep:
                say(beat[1:])
    if story.wanted.topic:
        say(rng.choice(_TOPIC_ENDINGS))
    if rng.random() < 0.3:
        say(rng.choice(_ENDINGS))
    _introduce_friend(story)


def _introduce_friend(story: Story) -> None:
    """Says what the friend is at the first mention, whichever beats were left out."""
    name, kind = story.slots["f"], story.slots["fh"]
    for index, beat in enumerate(story.beats):
        if match := re.search(rf"\b{name}\b(?!'s)", beat):
            if not beat[match.end() :].startswith(f" {kind}"):
                story.beats[index] = f"{beat[: match.end()]} {kind}{beat[match.end() :]}"
            return


def what_happened_next(story: Story, rng: random.Random) -> str:
    return expand(rng.choice(story.plot.after), story.slots, rng)


def shorter(story: Story, rng: random.Random) -> str:
    return expand(rng.choice(("{n} was {atk}. ", "{n} {h} lived {in_home}. ", "there was {atk} named {n}. ")) + story.plot.summary, story.slots, rng)


def lesson(story: Story, rng: random.Random) -> str:
    return expand(story.plot.lesson, story.slots, rng)
