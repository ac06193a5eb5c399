"""Writes the tiny checkpoints and the logits that PyTorch computes from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedConfig
from transformers.core_model_loading import revert_weight_conversion

from checkpoint_specs import VOCAB_SIZE, CheckpointSpec
from random_weights import randomize
from versions import provenance

PROMPT_LENGTHS = (1, 7, 33, 100)
ALL_POSITIONS_PROMPT = 2
GREEDY_TOKENS = 64
MIN_MARGIN = 1e-2
MIN_DISTINCT_TOKENS = 12
FIRST_ORDINARY_ID = 4
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def write_checkpoint(spec: CheckpointSpec, fixtures: Path) -> None:
    """Searches a seed whose greedy decisions are decisive, then writes checkpoint and golden values."""
    folder = fixtures / "checkpoints" / spec.name
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "config.json", spec.config)
    if spec.generation_config:
        _write_json(folder / "generation_config.json", spec.generation_config)
    config = AutoConfig.from_pretrained(folder) if spec.oracle is None else AutoConfig.for_model(**spec.oracle)
    prompts = _prompts(spec.name)
    for seed in range(10_000):
        tensors = _tensors(config, spec, seed)
        model = _model_of(config, tensors)
        greedy = _decisive_greedy(model, prompts)
        if greedy is not None:
            break
    else:
        raise RuntimeError(f"{spec.name}: wanted a seed with margins of {MIN_MARGIN}, found none")
    if spec.as_stored is not None:
        stored = spec.as_stored(tensors)
    else:
        stored = _as_base_model(tensors, spec) if spec.is_base_model else _as_stored(model, tensors)
    _save(folder, stored, spec.shard_count)
    reloaded = model if spec.as_stored is not None else _auto_class(config).from_pretrained(folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()
    _write_golden(fixtures / "golden", spec, reloaded, {"seed": seed, "prompts": prompts, "greedy": greedy})
    print(f"{spec.name}: seed {seed}, {sum(file.stat().st_size for file in folder.iterdir())} bytes")


def _prompts(name: str) -> list[list[int]]:
    generator = torch.Generator().manual_seed(sum(name.encode()))
    return [torch.randint(FIRST_ORDINARY_ID, VOCAB_SIZE, (length,), generator=generator).tolist() for length in PROMPT_LENGTHS]


def _empty_model(config: PreTrainedConfig) -> torch.nn.Module:
    return _auto_class(config).from_config(config, dtype=torch.float32, attn_implementation="eager").eval()


def _auto_class(config: PreTrainedConfig) -> type:
    return AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM


def _tensors(config: PreTrainedConfig, spec: CheckpointSpec, seed: int) -> dict[str, torch.Tensor]:
    model = _empty_model(config)
    randomize(model, seed)
    dtype = DTYPES[spec.stored_dtype]
    return {name: parameter.detach().to(dtype).contiguous() for name, parameter in model.named_parameters()}


def _model_of(config: PreTrainedConfig, tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    model = _empty_model(config)
    for name, parameter in model.named_parameters():
        parameter.data.copy_(tensors[name].float())
    return model


def _as_stored(model: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names of published files, where transformers has others once it has loaded them."""
    if model.config.model_type not in {"gemma3", "gpt_neox"} and not any(".experts." in name for name in tensors):
        return tensors
    return {name: tensor.contiguous() for name, tensor in revert_weight_conversion(model, tensors).items()}


def _as_base_model(tensors: dict[str, torch.Tensor], spec: CheckpointSpec) -> dict[str, torch.Tensor]:
    positions = spec.config["n_positions"]
    mask = torch.ones(positions, positions, dtype=torch.uint8).tril().view(1, 1, positions, positions)
    masks = {"h.0.attn.bias": mask, "h.0.attn.masked_bias": torch.tensor(-1e4)}
    return {**{name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}, **masks}


@torch.no_grad()
def _decisive_greedy(model: torch.nn.Module, prompts: list[list[int]]) -> list[dict[str, Any]] | None:
    """Decodes every prompt without a cache, or returns None as soon as a decision is too close."""
    results = []
    for prompt in prompts:
        tokens = list(prompt)
        smallest = float("inf")
        for _ in range(GREEDY_TOKENS):
            top = model(torch.tensor([tokens]), use_cache=False).logits[0, -1].topk(2)
            smallest = min(smallest, (top.values[0] - top.values[1]).item())
            if smallest < MIN_MARGIN:
                return None
            tokens.append(top.indices[0].item())
        continuation = tokens[len(prompt) :]
        if len(set(continuation)) < MIN_DISTINCT_TOKENS:
            return None
        results.append({"tokens": continuation, "smallestMargin": smallest})
    return results


def _save(folder: Path, tensors: dict[str, torch.Tensor], shard_count: int) -> None:
    for stale in folder.glob("model*.safetensors*"):
        stale.unlink()
    if shard_count == 1:
        _save_file(tensors, folder / "model.safetensors")
        return
    total = sum(tensor.nbytes for tensor in tensors.values())
    weight_map: dict[str, str] = {}
    shards: list[dict[str, torch.Tensor]] = [{} for _ in range(shard_count)]
    written = 0
    for name, tensor in tensors.items():
        index = min(shard_count - 1, written * shard_count // total)
        shards[index][name] = tensor
        weight_map[name] = f"model-{index + 1:05d}-of-{shard_count:05d}.safetensors"
        written += tensor.nbytes
    for index, shard in enumerate(shards):
        _save_file(shard, folder / f"model-{index + 1:05d}-of-{shard_count:05d}.safetensors")
    _write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


def _save_file(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)


@torch.no_grad()
def _write_golden(folder: Path, spec: CheckpointSpec, model: torch.nn.Module, made: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    values: list[torch.Tensor] = []
    offset = 0
    entries = []
    for index, (prompt, greedy) in enumerate(zip(made["prompts"], made["greedy"], strict=True)):
        logits = model(torch.tensor([prompt]), use_cache=False).logits[0]
        kept = logits[_first_kept(spec.config) :] if index == ALL_POSITIONS_PROMPT else logits[-1:]
        if not torch.isfinite(kept).all() or kept[-1].argmax().item() != greedy["tokens"][0]:
            raise RuntimeError(f"{spec.name}: the reloaded checkpoint differs from the one that was saved")
        entries.append(
            {
                "tokens": prompt,
                "logits": {"offset": offset, "shape": list(kept.shape), "firstPosition": len(prompt) - kept.shape[0]},
                "greedy": greedy["tokens"],
                "smallestMargin": round(greedy["smallestMargin"], 6),
            }
        )
        values.append(kept.reshape(-1))
        offset += kept.numel()
    flat = torch.cat(values).to(torch.float32).numpy().astype("<f4")
    (folder / f"{spec.name}.bin").write_bytes(flat.tobytes())
    description = {
        "checkpoint": f"checkpoints/{spec.name}",
        "note": spec.note,
        "storedDtype": spec.stored_dtype,
        "computeDtype": "F32",
        "attention": "eager, no cache",
        "madeBy": provenance("tools/reference/make_reference.py"),
        "seed": made["seed"],
        "vocabSize": VOCAB_SIZE,
        "logitsFile": f"{spec.name}.bin",
        "logitsCount": offset,
        "prompts": entries,
    }
    _write_json(folder / f"{spec.name}.json", description)


def _first_kept(config: dict[str, Any]) -> int:
    """Positions within the original context of longrope would have other logits in a prompt that ends there."""
    scaling = config.get("rope_scaling") or {}
    return config["original_max_position_embeddings"] if scaling.get("type") == "longrope" else 0


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
