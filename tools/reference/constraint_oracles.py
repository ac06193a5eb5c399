"""Compares what three engines of constraints say of JSON schemas and instances, beside ajv.

`pip install xgrammar llguidance`, then `python constraint_oracles.py verdicts.json` with the output of
constraint_oracles.mjs. For each engine: schemas that it takes, and of their instances how many it judges as ajv does,
refuses though they are valid, and accepts though they are not.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import xgrammar
from llguidance import LLMatcher, LLTokenizer

END_TOKEN = 256
Accepts = Callable[[str], bool]


def xgrammar_engine() -> Callable[[object], Accepts]:
    vocabulary = [bytes([byte]) for byte in range(256)] + [b"<end>"]
    info = xgrammar.TokenizerInfo(vocabulary, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[END_TOKEN])
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)

    def compile_schema(schema: object) -> Accepts:
        compiled = compiler.compile_json_schema(json.dumps(schema), strict_mode=False)

        def accepts(text: str) -> bool:
            matcher = xgrammar.GrammarMatcher(compiled)
            return bool(matcher.accept_string(text) and matcher.accept_token(END_TOKEN))

        return accepts

    return compile_schema


def llguidance_engine() -> Callable[[object], Accepts]:
    tokenizer = LLTokenizer("byte")

    def compile_schema(schema: object) -> Accepts:
        grammar = LLMatcher.grammar_from_json_schema(schema)
        error = LLMatcher(tokenizer, grammar).get_error()
        if error:
            raise ValueError(error)

        def accepts(text: str) -> bool:
            matcher = LLMatcher(tokenizer, grammar)
            return bool(matcher.consume_tokens(list(text.encode())) and matcher.is_accepting())

        return accepts

    return compile_schema


def main() -> None:
    cases = json.loads(Path(sys.argv[1]).read_text())
    engines = {"xgrammar": xgrammar_engine(), "llguidance": llguidance_engine()}
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("ours", *engines)}
    by_keyword: dict[str, Counter[str]] = {name: Counter() for name in counts}

    def record(name: str, case: dict, verdicts: list[bool]) -> None:
        counts[name]["schemas"] += 1
        for verdict, text in zip(verdicts, case["texts"], strict=True):
            kind = "agreed" if verdict == text["valid"] else "narrower" if text["valid"] else "wider"
            counts[name][kind] += 1
            if kind == "wider":
                by_keyword[name][case["keyword"]] += 1

    for case in cases:
        if case["compiled"]:
            record("ours", case, [text["ours"] for text in case["texts"]])
        for name, compile_schema in engines.items():
            try:
                accepts = compile_schema(case["schema"])
            except Exception:
                continue
            record(name, case, [any(accepts(each) for each in text["texts"]) for text in case["texts"]])
    print(f"{len(cases)} schemas, {sum(len(case['texts']) for case in cases)} instances")
    for name, found in counts.items():
        print(name, dict(found), "wider by file:", by_keyword[name].most_common(8))


if __name__ == "__main__":
    main()
