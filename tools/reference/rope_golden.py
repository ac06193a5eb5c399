"""Makes the golden values of rotations: frequencies and attention factors of transformers for small configs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from versions import provenance

HEADS = {"hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 8}
LLAMA = {**HEADS, "architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 256, "rope_theta": 10000.0}
PHI3 = {**HEADS, "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "max_position_embeddings": 256, "original_max_position_embeddings": 32, "pad_token_id": 0}
STABLELM = {**HEADS, "architectures": ["StableLmForCausalLM"], "model_type": "stablelm", "num_key_value_heads": 2}
FACTORS = {"short_factor": [1 + 0.25 * pair for pair in range(16)], "long_factor": [1.5 + 2.5 * pair for pair in range(16)]}
PART = {name: factors[:12] for name, factors in FACTORS.items()}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}


def _cases() -> dict[str, dict[str, Any]]:
    def llama(**changes: Any) -> dict[str, Any]:
        return {**LLAMA, **changes}

    return {
        "linear": llama(rope_scaling={"type": "linear", "factor": 2.5}),
        "dynamic": llama(rope_scaling={"type": "dynamic", "factor": 4.0}),
        "llama3": llama(rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
        "longrope": llama(rope_scaling={"rope_type": "longrope", "original_max_position_embeddings": 64, **FACTORS}),
        "longrope, factor": llama(rope_scaling={"rope_type": "longrope", "factor": 8.0, "original_max_position_embeddings": 64, **FACTORS}),
        "longrope, attention factor": llama(rope_scaling={"rope_type": "longrope", "factor": 8.0, "attention_factor": 1.5, "original_max_position_embeddings": 64, **FACTORS}),
        "Phi-3, longrope": {**PHI3, "rope_theta": 10000.0, "rope_scaling": {"type": "longrope", **FACTORS}},
        "Phi-3, su": {**PHI3, "rope_theta": 10000.0, "rope_scaling": {"type": "su", "original_max_position_embeddings": 32, **FACTORS}},
        "Phi-3, original length of its class": {**{key: value for key, value in PHI3.items() if key != "original_max_position_embeddings"}, "max_position_embeddings": 131072, "rope_scaling": {"type": "longrope", **FACTORS}},
        "Phi-4-mini": {**PHI3, "partial_rotary_factor": 0.75, "rope_theta": 10000.0, "rope_scaling": {"type": "longrope", **PART}},
        "Phi-4-mini, rope_parameters": {**PHI3, "rope_parameters": {"rope_type": "longrope", "rope_theta": 5e4, "partial_rotary_factor": 0.75, **PART}},
        "StableLM, linear": {**STABLELM, "rope_scaling": {"type": "linear", "factor": 2.0}},
        "StableLM, half a head": {**STABLELM, "partial_rotary_factor": 0.5, "rope_scaling": {"type": "linear", "factor": 2.0}},
        "yarn": llama(rope_scaling=YARN),
        "yarn, rope_parameters": llama(rope_theta=None, rope_parameters={**YARN, "rope_theta": 5e5}),
        "yarn, type": llama(rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}),
        "yarn, original length in the config": llama(rope_scaling=YARN, original_max_position_embeddings=32),
        "yarn without an original length": llama(rope_scaling={"rope_type": "yarn", "factor": 4.0}),
        "yarn without a factor": llama(rope_scaling={**YARN, "factor": None}),
        "yarn, attention factor": llama(rope_scaling={**YARN, "attention_factor": 1.25}),
        "yarn, mscale": llama(rope_scaling={**YARN, "mscale": 0.7, "mscale_all_dim": 0.5}),
        "yarn, betas": llama(rope_scaling={**YARN, "beta_fast": 8, "beta_slow": 2}),
        "yarn, not truncated": llama(rope_scaling={**YARN, "truncate": False}),
        "yarn, a range of nothing": llama(rope_scaling={**YARN, "beta_fast": 4, "beta_slow": 4, "truncate": False}),
        "yarn, no room": llama(rope_scaling={**YARN, "original_max_position_embeddings": 4, "factor": 64.0}),
    }


def write_rope_golden(folder: Path) -> None:
    """Writes each config with the frequencies of a short sequence and of one past the original length."""
    cases = []
    for name, raw in _cases().items():
        config = {key: value for key, value in raw.items() if value is not None}
        resolved = AutoConfig.for_model(**copy.deepcopy(config))
        compute = ROPE_INIT_FUNCTIONS[resolved.rope_parameters["rope_type"]]
        short, attention_factor = compute(resolved, torch.device("cpu"))
        original = resolved.rope_parameters.get("original_max_position_embeddings")
        long = short if original is None else compute(resolved, torch.device("cpu"), seq_len=original + 1)[0]
        cases.append(
            {
                "name": name,
                "config": config,
                "attentionFactor": attention_factor,
                "frequencies": short.tolist(),
                **({} if torch.equal(short, long) else {"longFrequencies": long.tolist()}),
            }
        )
    text = json.dumps({"madeBy": provenance("tools/reference/make_reference.py"), "cases": cases}, indent=1)
    (folder / "rope-parameters.json").write_text(text + "\n", encoding="utf-8")
