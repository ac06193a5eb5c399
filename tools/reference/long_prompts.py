"""Makes the golden values of prompts past the original length: logits of their last token and greedy continuations.

The weights are those of small checkpoints, whose config says another rotation. Continuations are those of `generate` with
its cache, by a model that has seen nothing else: the frequencies of some rotations depend on what was computed before.
"""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from versions import provenance

ORIGINAL_TOKENS = 32
CONTEXT_TOKENS = 16 * ORIGINAL_TOKENS
# The first passes the original length while it is continued.
PROMPT_LENGTHS = (24, 2 * ORIGINAL_TOKENS, 8 * ORIGINAL_TOKENS)
GREEDY_TOKENS = 64
MIN_MARGIN = 1e-2
MIN_DISTINCT_TOKENS = 10
FIRST_ORDINARY_ID = 4


def _cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """By name: the checkpoint, and the fields of its config that are others."""
    factor = 16.0
    original = {"original_max_position_embeddings": ORIGINAL_TOKENS}
    dynamic = {"max_position_embeddings": ORIGINAL_TOKENS, "rope_scaling": {"type": "dynamic", "factor": factor}}
    whole = {"max_position_embeddings": CONTEXT_TOKENS}
    bands = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    return {
        "default": ("llama3", {"max_position_embeddings": ORIGINAL_TOKENS}),
        "linear": ("llama3", {**whole, "rope_scaling": {"type": "linear", "factor": factor}}),
        "dynamic": ("llama3", dynamic),
        "dynamic, a part of each head": ("stablelm", dynamic),
        "dynamic, heads of 10": ("llama-heads10", dynamic),
        "llama3": ("llama3", {**whole, "rope_scaling": {"rope_type": "llama3", "factor": factor, **bands, **original}}),
        "yarn": ("llama3", {**whole, "rope_scaling": {"rope_type": "yarn", "factor": factor, **original}}),
        "longrope": ("phi35", {**whole, **original}),
        "longrope, a part of each head": ("phi4-mini", {**whole, **original}),
    }


def write_long_prompts_golden(fixtures: Path) -> None:
    made = {
        "madeBy": provenance("tools/reference/make_reference.py"),
        "originalTokens": ORIGINAL_TOKENS,
        "contextTokens": CONTEXT_TOKENS,
    }
    head = json.dumps(made, indent=1).removesuffix("\n}")
    # A line for each case.
    lines = [json.dumps(_case(fixtures / "checkpoints", name, *case), separators=(",", ":")) for name, case in _cases().items()]
    text = head + ',\n "cases": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    (fixtures / "golden" / "long-prompts.json").write_text(text, encoding="utf-8")


def _case(checkpoints: Path, name: str, checkpoint: str, changes: dict[str, Any]) -> dict[str, Any]:
    prompts = [_prompt(checkpoints / checkpoint, changes, length) for length in PROMPT_LENGTHS]
    print(f"long prompts, {name}: margins {[prompt['smallestMargin'] for prompt in prompts]}")
    return {"name": name, "checkpoint": checkpoint, "changes": changes, "prompts": prompts}


def _prompt(folder: Path, changes: dict[str, Any], length: int) -> dict[str, Any]:
    """Searches a prompt whose greedy decisions are decisive."""
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        model = _model(folder, changes)
        tokens = torch.randint(FIRST_ORDINARY_ID, model.config.vocab_size, (1, length), generator=generator)
        found = model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            do_sample=False,
            eos_token_id=None,
            max_new_tokens=GREEDY_TOKENS,
            output_logits=True,
            repetition_penalty=1.0,
            return_dict_in_generate=True,
            use_cache=True,
        )
        tops = torch.cat(found.logits).topk(2).values
        margin = (tops[:, 0] - tops[:, 1]).min().item()
        greedy = found.sequences[0, length:].tolist()
        if margin >= MIN_MARGIN and len(set(greedy)) >= MIN_DISTINCT_TOKENS:
            logits = found.logits[0][0].to(torch.float32).numpy().astype("<f4").tobytes()
            return {
                "seed": seed,
                "tokens": tokens[0].tolist(),
                "logits": base64.b64encode(logits).decode(),
                "greedy": greedy,
                "smallestMargin": round(margin, 6),
            }
    raise RuntimeError(f"{folder.name}: wanted a prompt with margins of {MIN_MARGIN}, found none")


def _model(folder: Path, changes: dict[str, Any]) -> torch.nn.Module:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = AutoConfig.for_model(**copy.deepcopy({**config, **changes}))
    return AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()
