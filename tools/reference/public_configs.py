"""Judges published configs by transformers, on the meta device: whether they load, how large they are, what a token keeps."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, PretrainedConfig

from versions import provenance

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "public-configs"
OUTER_PARTS = ("vision_tower", "multi_modal_projector")
CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len")

# A fused matrix of queries, keys and values, or that of keys; and the matrix that takes the heads' outputs.
FUSED = re.compile(r"\.(qkv_proj|query_key_value|c_attn)\.weight$")
KEY = re.compile(r"\.k_proj\.weight$")
OUTPUT = re.compile(r"\.(o_proj|dense|c_proj)\.weight$")


def _as_another_class(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Names the class of transformers whose network a family without one has, with that class's factors."""
    if name == "llama":
        return {**config, "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": config.get("bias", False)}
    factors = {
        "embedding_multiplier": float(config["scale_emb"]),
        "residual_multiplier": config["scale_depth"] / config["num_hidden_layers"] ** 0.5,
        "logits_scaling": config["hidden_size"] / config["dim_model_base"],
    }
    tied = {"tie_word_embeddings": config.get("tie_word_embeddings", True)}
    return {**config, **factors, **tied, "architectures": ["GraniteForCausalLM"], "model_type": "granite"}


def _load(config: dict[str, Any]) -> tuple[PretrainedConfig, torch.nn.Module]:
    """Reads a config.json as transformers does, and makes its network without any numbers."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config), encoding="utf-8")
        resolved = AutoConfig.from_pretrained(folder)
    classes = AutoModelForCausalLM if type(resolved) in AutoModelForCausalLM._model_mapping else AutoModelForImageTextToText
    with torch.device("meta"):
        model = classes.from_config(resolved)
    return resolved, model


def _key_value_width(shapes: dict[str, torch.Size], hidden_first: bool) -> int:
    """How many numbers a token keeps in the first layer's keys and values, by the shapes of its matrices."""
    layer = {name: shape for name, shape in shapes.items() if re.search(r"\.(layers|h)\.0\.", name) and "attn" in name or "attention" in name and ".0." in name}
    for name, shape in layer.items():
        if KEY.search(name):
            return 2 * shape[0]
    fused = next(shape for name, shape in layer.items() if FUSED.search(name))
    output = next(shape for name, shape in layer.items() if OUTPUT.search(name))
    # Conv1D of GPT-2 has its inputs first.
    return fused[1] - output[0] if hidden_first else fused[0] - output[1]


def _context(text: PretrainedConfig) -> int:
    """The longest sequence: what the config names, and what a dynamic rotation reaches beyond that."""
    tokens = next(getattr(text, name) for name in CONTEXT_FIELDS if hasattr(text, name))
    rope = getattr(text, "rope_parameters", None) or {}
    return int(tokens * rope["factor"]) if rope.get("rope_type") == "dynamic" else tokens


def _judge(config: dict[str, Any]) -> dict[str, Any]:
    try:
        resolved, model = _load(config)
    except (KeyError, ValueError, AttributeError, TypeError, ImportError, OSError) as error:
        return {"loads": False, "reason": f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"}
    text = resolved.get_text_config()
    parameters = {name: each for name, each in model.named_parameters() if not any(part in name for part in OUTER_PARTS)}
    shapes = {name: each.shape for name, each in parameters.items()}
    width = _key_value_width(shapes, text.model_type == "gpt2")
    return {
        "loads": True,
        "parameterCount": sum(each.numel() for each in parameters.values()),
        "kvElementsPerToken": width * text.num_hidden_layers,
        "contextTokens": _context(text),
        "isTied": model.get_output_embeddings().weight is model.get_input_embeddings().weight,
    }


def write_public_configs_golden() -> None:
    """Judges each config of the families that Infernode has; those of other families are only to be refused."""
    lines = []
    for line in (FIXTURES / "configs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["group"] == "other":
            continue
        config = {key: value for key, value in row["config"].items() if key != "quantization_config"}
        judged_as = row.get("judgedAs")
        judgement = _judge(config if judged_as is None else _as_another_class(config, judged_as))
        lines.append(json.dumps({"name": row["name"], **judgement}, separators=(",", ":")))
    header = json.dumps({"madeBy": provenance("tools/reference/public_configs.py")}, separators=(",", ":"))
    (FIXTURES / "transformers.jsonl").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_public_configs_golden()
