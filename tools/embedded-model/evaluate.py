"""Asks an exported model held-out requests: does it stop by itself, and does it use the nouns it was given?

Usage: python evaluate.py [--model DIR] [--count 100] [--show 12]
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from export import TARGET
from smalltalk import refusal
from stories import Wanted
from story_requests import any_request
from words import BOYS, GIRLS

HELD_OUT_SEED = 77
MAX_NEW_TOKENS = 300
UNSEEN = (
    "Tell me a story about a fox and a lantern.",
    "Write a short story about a dragon who is afraid of thunder.",
    "Could you write something for my little brother? He loves penguins.",
    "i want to hear about a robot and a piano",
    "Tell me a story about an axolotl and a spaceship.",
    "Please, a story where a wizard loses his hat.",
    "Who are you?",
    "hello",
    "What is the capital of France?",
    "Write a quicksort in Haskell.",
    "What colour is a banana?",
    "Count to seven.",
    "What day comes after Friday?",
    "Explain how rockets reach orbit.",
    "What is the opposite of hot?",
    "Give me three fruits.",
    "If I have 12 eggs and eat 5, how many are left?",
    "Summarize the plot of Moby Dick",
    "Write a haiku about autumn.",
    "Tell me about your day.",
)


class Asker:
    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def ask(self, prompt: str | list[dict[str, str]], is_sampled: bool) -> tuple[str, bool]:
        """Returns the answer and whether it ended by itself; a list is a conversation, a text is continued."""
        if isinstance(prompt, str):
            ids = self.tokenizer(prompt, return_tensors="pt").input_ids
        else:
            text = self.tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
            ids = self.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        how = {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 40} if is_sampled else {"do_sample": False}
        with torch.no_grad():
            output = self.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=MAX_NEW_TOKENS, **how)[0, ids.shape[1] :]
        return self.tokenizer.decode(output, skip_special_tokens=True), output[-1].item() in (2, 6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=TARGET)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    asker = Asker(arguments.model)
    for prompt in UNSEEN:
        print(f"> {prompt}\n{asker.ask([{'role': 'user', 'content': prompt}], is_sampled=False)[0]}\n")
    for prompt in ("Once upon a time", "The little owl", "One day, a girl named Ana found"):
        print(f"| {prompt}{asker.ask(prompt, is_sampled=True)[0]}\n")
    _measure(asker, arguments.count)


def _measure(asker: Asker, count: int) -> None:
    rng = random.Random(HELD_OUT_SEED)
    found: dict[str, list[bool]] = {"kind": [], "friend_kind": [], "thing": [], "name": [], "place": []}
    stopped, declined, named_apart = [], [], []
    for index in range(count):
        request, wanted = any_request(rng)
        answer, has_ended = asker.ask([{"role": "user", "content": request}], is_sampled=index % 2 == 1)
        stopped.append(has_ended)
        for field in found:
            word = getattr(wanted, field)
            word = word[1] if isinstance(word, tuple) else word
            if word is not None:
                found[field].append(re.search(rf"\b{re.escape(word)}\b", answer, re.IGNORECASE) is not None)
        named_apart += _friends_named_apart(answer, wanted)
        question, _ = refusal(rng)
        answer, has_ended = asker.ask([{"role": "user", "content": question}], is_sampled=index % 2 == 1)
        stopped.append(has_ended)
        declined.append(re.search(r"tiny|small|sorry|cannot|more than I know|do not know", answer) is not None)
    print(f"stopped by itself: {sum(stopped)} of {len(stopped)}")
    print(f"second hero has another name than the first: {sum(named_apart)} of {len(named_apart)}")
    print(f"declined what it cannot do: {sum(declined)} of {len(declined)}")
    for field, hits in found.items():
        print(f"used the {field} that was asked for: {sum(hits)} of {len(hits)}")


def _friends_named_apart(answer: str, wanted: Wanted) -> list[bool]:
    """Where a name comes as "Milo the alien" and the hero is no alien: whether Milo is not the hero's name."""
    names = re.findall(rf"\b({'|'.join(GIRLS + BOYS)})\b", answer)
    if not names or wanted.kind is None:
        return []
    introduced = re.findall(r"\b([A-Z]\w+) the (\w+)", answer)
    return [name != names[0] for name, kind in introduced if name in names and kind != wanted.kind]


if __name__ == "__main__":
    main()
