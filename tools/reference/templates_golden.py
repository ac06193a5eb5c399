"""What transformers makes of conversations with each chat template."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from template_snippets import MESSAGES, SNIPPETS
from template_cases import ALWAYS, CONVERSATIONS, PRINTS_PARTS, TOKENS, TOOL_CONVERSATIONS, TOOLS, VARIABLES, WITH_TOOLS
from versions import provenance

TEMPLATES = Path(__file__).parent / "templates"
VARIED_CONVERSATIONS = 5

Case = dict[str, Any]


def write_template_golden(name: str, source: str, golden: Path) -> None:
    """Renders every case; one that fails keeps the message of its error."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=source, **TOKENS[name])
    value = {
        "template": name,
        "source": source,
        "madeBy": provenance("tools/reference/make_reference.py"),
        "tokens": TOKENS[name],
        "cases": [_rendered(tokenizer, case) for case in _cases(name)],
    }
    (golden / f"template-{name}.json").write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    failed = sum("error" in case for case in value["cases"])
    print(f"template {name}: {len(value['cases'])} cases, {failed} of them errors")


def write_snippets_golden(golden: Path) -> None:
    """Renders small templates with one conversation each."""
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    cases = []
    for source in SNIPPETS:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=source, **tokens)
        case = _rendered(tokenizer, {"messages": MESSAGES, "addGenerationPrompt": True, "variables": {}})
        cases.append({"source": source, **{key: value for key, value in case.items() if key in ("rendered", "error")}})
    value = {"madeBy": provenance("tools/reference/make_reference.py"), "tokens": tokens, "messages": MESSAGES, "cases": cases}
    (golden / "snippets.json").write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    print(f"snippets: {len(cases)}, {sum('error' in case for case in cases)} of them errors")


def _cases(name: str) -> Iterator[Case]:
    always = ALWAYS.get(name, {})
    for title, messages in CONVERSATIONS.items():
        if name in PRINTS_PARTS and title.endswith("in parts"):
            continue
        for add_generation_prompt in (True, False):
            yield {"name": title, "messages": messages, "addGenerationPrompt": add_generation_prompt, "variables": always}
    if name in WITH_TOOLS:
        for title, messages in TOOL_CONVERSATIONS.items():
            yield {"name": title, "messages": messages, "tools": TOOLS, "addGenerationPrompt": True, "variables": always}
    for variables in VARIABLES.get(name, ()):
        for title, messages in list(CONVERSATIONS.items())[:VARIED_CONVERSATIONS]:
            yield {"name": title, "messages": messages, "addGenerationPrompt": True, "variables": variables}
        yield {"name": "tools and variables", "messages": CONVERSATIONS["system and question"], "tools": TOOLS, "addGenerationPrompt": True, "variables": variables}


def _rendered(tokenizer: PreTrainedTokenizerFast, case: Case) -> Case:
    try:
        text = tokenizer.apply_chat_template(
            copy.deepcopy(case["messages"]),
            tools=copy.deepcopy(case.get("tools")),
            add_generation_prompt=case["addGenerationPrompt"],
            tokenize=False,
            **case["variables"],
        )
    except (TemplateError, TypeError, AttributeError, ValueError, ZeroDivisionError) as error:
        return {**case, "error": {"type": type(error).__name__, "message": str(error)}}
    return {**case, "rendered": text}
