"""Documents of the training text: plain stories, and conversations in turns."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import smalltalk
from facts import any_fact
from grammar import capitalized, expand, with_article
from stories import Story, Wanted, any_kind, any_thing, lesson, make_story, shorter, what_happened_next
from story_requests import any_request, finished
from words import PLACES

_SYSTEM = """You are a helpful assistant.|You are a helpful assistant.|You tell short stories.|You tell short stories for children.|You are a friendly storyteller.|Be kind and brief.|Answer in simple words.|
You are a kind assistant who tells stories.|You are a small model inside Infernode.|Be polite.|You are an assistant.|Answer the user.|Write simple English.|You are a helpful, honest assistant. Answer as well as you can.|
You are a storyteller. Keep your language simple.|Speak to a child of five years.|Help the user with stories.|You are an AI model.|Follow the instructions of the user.|Today is Monday.|The user likes stories.|Do not use bad words.|Be concise.""".replace("\n", "").split("|")
_SHORT_SYSTEM = "Keep your stories very short.|Be very brief.|Answer in three sentences at most.|Tell very short stories.|Use as few words as possible.|Your stories are tiny.".split("|")

Document = dict[str, Any]
Turn = tuple[str, str]


def any_document(rng: random.Random) -> Document:
    """Returns `{"text"}` for a plain story or `{"messages"}` for a conversation."""
    roll = rng.random()
    if roll < 0.20:
        return {"text": _plain(rng)}
    if roll < 0.75:
        return _story_conversation(rng, turn_count=0)
    if roll < 0.985:
        return _conversation(rng, [_small(rng) for _ in range(rng.choice((1, 1, 1, 2, 3, 4, 5)))])
    return _story_conversation(rng, turn_count=rng.randrange(4, 9))


def _plain(rng: random.Random) -> str:
    wanted = any_request(rng)[1] if rng.random() < 0.7 else Wanted()
    text = make_story(rng, wanted).text
    if rng.random() < 0.15:
        text = expand("[one day, |]", {}, rng) + text if rng.random() < 0.3 else text
    return text


def _small(rng: random.Random) -> Turn:
    kind = rng.choices((smalltalk.greeting, smalltalk.identity, smalltalk.ability, any_fact, smalltalk.refusal, smalltalk.thanks, smalltalk.farewell), (7, 7, 7, 42, 34, 3, 3))[0]
    question, answer = kind(rng)
    return finished(question, rng), answer


def _conversation(rng: random.Random, turns: list[Turn], is_short: bool = False) -> Document:
    messages = []
    if is_short:
        messages.append({"role": "system", "content": rng.choice(_SHORT_SYSTEM)})
    elif rng.random() < 0.3:
        text = " ".join(rng.sample(_SYSTEM, rng.choice((1, 1, 2)))) if rng.random() < 0.85 else finished(smalltalk.any_sentence(rng), rng)
        messages.append({"role": "system", "content": text})
    for question, answer in turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages}


def _story_conversation(rng: random.Random, turn_count: int) -> Document:
    is_short = rng.random() < 0.05
    turns: list[Turn] = []
    if rng.random() < 0.1:
        turns.append(_small(rng))
    request, wanted = any_request(rng)
    wanted = dataclasses.replace(wanted, is_short=wanted.is_short or is_short)
    story = make_story(rng, wanted)
    turns.append((request, story.text))
    follow_count = turn_count or rng.choices((0, 1, 2, 3), (45, 30, 17, 8))[0]
    for _ in range(follow_count):
        story = _follow_up(rng, story, turns)
    return _conversation(rng, turns, is_short)


def _follow_up(rng: random.Random, story: Story, turns: list[Turn]) -> Story:
    """Adds one more turn and returns the story that the next one refers to."""
    kind = rng.choices((_next, _question, _question, _question, _who, _shorter, _another, _moral, _title, _small_turn, _no_such), (17, 12, 12, 12, 12, 9, 12, 8, 6, 8, 2))[0]
    question, answer, next_story = kind(rng, story)
    turns.append((finished(question, rng), answer))
    return next_story


def _fill(template: str, story: Story, rng: random.Random) -> str:
    return expand(template, story.slots, rng)


def _next(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    question = rng.choice("what happened next|what happens next|and then|go on|continue|and then what happened|tell me more|what did they do then|how does it go on|continue the story|more|please continue|what happened after that|is there more|then what".split("|"))
    return question, what_happened_next(story, rng), story


def _question(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    questions, answer = rng.choice(story.plot.questions)
    question = rng.choice(questions.split("|")).format_map(story.slots)
    if rng.random() < 0.3:
        question = question.replace(story.slots["n"], story.slots["h"])
    return question, _fill(answer, story, rng), story


def _who(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    pairs = (
        ("who was in the story|who are the characters|who is the story about|who was in it|name the characters|which animals were in the story|who are they|tell me who was in the story", "the story is about {n} {h} and {f} {fh}."),
        ("what was the name of {h}|what was the {k} called|what is the name of the {k}|what was {h_s} name|who is the hero|what was the hero called", "the {k} was called {n}."),
        ("what was the name of {fh}|what was the {fk} called|who was {n_s} friend|what is the name of the {fk}", "the {fk} was called {f}."),
        ("where did {n} live|where did the story happen|where does {h} live|where was it|where does the story take place", "{n} lived {in_the_home}."),
        ("who is {f}|who was {f}|and who is {f}", "{f} is {fh} in the story."),
        ("who is {n}|who was {n}|and who is {n}", "{n} is {h} in the story."),
    )
    questions, answer = rng.choice(pairs)
    slots = {**story.slots, "h_s": story.slots["h"] + "'s"}
    return rng.choice(questions.split("|")).format_map(slots), expand(answer, slots, rng), story


def _shorter(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    question = rng.choice("tell me a shorter one|make it shorter|shorter please|can you make it shorter|a shorter version|tell it again, but shorter|summarize the story|summarize it|what was the story about|too long|give me a summary|in short|sum it up|retell it in two sentences".split("|"))
    return question, shorter(story, rng), story


def _another(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    if rng.random() < 0.35:
        question = rng.choice("another one|tell me another one|tell me another story|one more|one more story|again|a different story|tell me a different one|another story|I want another story|can you tell me one more".split("|"))
        next_story = make_story(rng, Wanted())
    elif rng.random() < 0.5:
        kind = any_kind(rng)
        question = rng.choice(("now one about {0}", "and now about {0}", "another story, but about {0}", "now tell me one about {0}", "the same with {0}", "and one about {0}", "do it again with {0}", "now with {0}")).format(with_article(kind))
        next_story = make_story(rng, Wanted(kind=kind))
    else:
        question, wanted = any_request(rng)
        question = question.rstrip("?.!")
        next_story = make_story(rng, wanted)
    return question, next_story.text, next_story


def _moral(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    question = rng.choice("what is the moral|what is the moral of the story|what can we learn|what is the lesson|what do we learn from it|what does the story teach us|what did {n} learn|and the moral|what does it mean".split("|")).format_map(story.slots)
    return question, lesson(story, rng) + ".", story


def _title(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    question = rng.choice("what is the title|give it a title|what is the story called|find a title for it|what should we call it|give the story a name|title".split("|"))
    return question, capitalized(f"The {story.slots['k'].title()} and the {story.slots['xx'].title()}"), story


def _small_turn(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    question, answer = rng.choice((smalltalk.thanks, smalltalk.thanks, smalltalk.farewell, any_fact, smalltalk.refusal, smalltalk.refusal, smalltalk.ability))(rng)
    return question, answer, story


def _no_such(rng: random.Random, story: Story) -> tuple[str, str, Story]:
    thing, kind = any_thing(rng), any_kind(rng)
    question = rng.choice((f"what about the {kind}", f"where was the {kind}", f"what did the {kind} do", f"was there a {thing}", f"was there a {kind} in the story"))
    return question, f"There was no {thing if thing in question else kind} in the story.", story
