"""Compares masks of JSON schemas along the walks of mask_oracles.mjs with those of XGrammar and llguidance.

`pip install xgrammar llguidance transformers`, then `python mask_oracles.py <directory with tokenizer.json> walks.json
> differences.json`. What it writes are the tokens that we allow and both others refuse, some of each mask; a summary of
all differences goes to stderr. An engine that refuses a schema, or a token of a walk, is left out from there on.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import llguidance.hf
import llguidance.numpy
import numpy
import xgrammar
from transformers import AutoTokenizer

MAX_LISTED = 40
"""Tokens of one mask that are judged."""


def allowed_tokens(words: numpy.ndarray, vocab_size: int) -> numpy.ndarray:
    bits = numpy.unpackbits(words.astype("<i4").view(numpy.uint8), bitorder="little")
    return bits[:vocab_size].astype(bool)


class XGrammar:
    def __init__(self, tokenizer: object, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocab_size)
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)

    def compile(self, schema: object) -> object:
        return self.compiler.compile_json_schema(
            json.dumps(schema), any_whitespace=False, separators=(",", ":"), strict_mode=False
        )

    def walk(self, compiled: object, tokens: list[int]) -> Iterator[numpy.ndarray]:
        matcher = xgrammar.GrammarMatcher(compiled)
        mask = xgrammar.allocate_token_bitmask(1, self.vocab_size)
        for token in tokens:
            matcher.fill_next_token_bitmask(mask)
            yield allowed_tokens(mask[0].numpy(), self.vocab_size)
            if not matcher.accept_token(token):
                return


class LLGuidance:
    def __init__(self, tokenizer: object, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self.tokenizer = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocab_size)

    def compile(self, schema: object) -> str:
        options = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
        grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=options)
        error = llguidance.LLMatcher(self.tokenizer, grammar).get_error()
        if error:
            raise ValueError(error)
        return grammar

    def walk(self, compiled: str, tokens: list[int]) -> Iterator[numpy.ndarray]:
        matcher = llguidance.LLMatcher(self.tokenizer, compiled)
        mask = llguidance.numpy.allocate_token_bitmask(1, self.vocab_size)
        for token in tokens:
            llguidance.numpy.fill_next_token_bitmask(matcher, mask, 0)
            yield allowed_tokens(mask[0], self.vocab_size)
            if not matcher.consume_token(token):
                return


class Differences:
    """Counts tokens by who allows them; keeps some texts of each kind."""

    def __init__(self, tokenizer: object) -> None:
        self.tokenizer = tokenizer
        self.decisions = 0
        self.counts: Counter[str] = Counter()
        self.by_case: dict[str, Counter[str]] = {}
        self.examples: dict[tuple[str, str], list[str]] = {}

    def add(self, case: str, kind: str, tokens: numpy.ndarray, before: list[int]) -> None:
        if len(tokens) == 0:
            return
        self.counts[kind] += len(tokens)
        self.by_case.setdefault(case, Counter())[kind] += len(tokens)
        examples = self.examples.setdefault((case, kind), [])
        if len(examples) < 4:
            token = int(tokens[random.randrange(len(tokens))])
            examples.append(f"{self.tokenizer.decode(before)!r} then {self.tokenizer.decode([token])!r}")

    def print(self) -> None:
        print(f"{self.decisions} decisions of both engines and ours:", dict(self.counts), file=sys.stderr)
        for case, counts in self.by_case.items():
            print(f"{case}: {dict(counts)}", file=sys.stderr)
            for (name, kind), examples in self.examples.items():
                if name == case:
                    print(f"  {kind}: {'; '.join(examples)}", file=sys.stderr)


def main() -> None:
    random.seed(1)
    folder, walks = sys.argv[1:]
    cases = json.loads(Path(walks).read_text())
    vocab_size = cases["vocabSize"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    engines = {"xgrammar": XGrammar(tokenizer, vocab_size), "llguidance": LLGuidance(tokenizer, vocab_size)}
    is_text = numpy.ones(vocab_size, dtype=bool)
    is_text[[token for token in tokenizer.all_special_ids if token < vocab_size]] = False
    is_text[len(tokenizer.get_vocab()) :] = False
    for token in tokenizer.added_tokens_decoder:
        is_text[token] = False
    found = Differences(tokenizer)
    answers = []
    for case in cases["cases"]:
        compiled = {}
        for name, engine in engines.items():
            try:
                compiled[name] = engine.compile(case["schema"])
            except Exception as error:
                print(f"{case['name']}: refused by {name}: {error}", file=sys.stderr)
        answer = {"name": case["name"], "walks": []}
        answers.append(answer)
        for walk in case["walks"]:
            tokens = walk["tokens"]
            masks = {name: list(engines[name].walk(grammar, tokens)) for name, grammar in compiled.items()}
            ours_alone: dict[int, list[int]] = {}
            for step, words in enumerate(walk["masks"]):
                ours = allowed_tokens(numpy.frombuffer(base64.b64decode(words), dtype="<i4"), vocab_size) & is_text
                others = [masks[name][step] & is_text for name in masks if step < len(masks[name])]
                if len(others) < 2:
                    found.counts["masks of one engine or none"] += 1
                    continue
                found.decisions += int(is_text.sum())
                before = tokens[:step]
                x, ll = others
                alone = numpy.flatnonzero(ours & ~x & ~ll)
                found.add(case["name"], "ours alone", alone, before)
                found.add(case["name"], "all but XGrammar", numpy.flatnonzero(ours & ~x & ll), before)
                found.add(case["name"], "all but llguidance", numpy.flatnonzero(ours & x & ~ll), before)
                found.add(case["name"], "both, not ours", numpy.flatnonzero(~ours & x & ll), before)
                found.add(case["name"], "XGrammar alone", numpy.flatnonzero(~ours & x & ~ll), before)
                found.add(case["name"], "llguidance alone", numpy.flatnonzero(~ours & ~x & ll), before)
                if len(alone) > 0:
                    ours_alone[step] = random.sample(alone.tolist(), min(MAX_LISTED, len(alone)))
            answer["walks"].append({"tokens": tokens, "oursAlone": ours_alone})
    found.print()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
