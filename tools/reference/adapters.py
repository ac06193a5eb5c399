"""Writes tiny LoRA adapters of the tiny checkpoints with `peft`, and the logits that it computes with them.

Usage: python adapters.py [--only NAME]. Needs the `peft` of requirements.txt.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

# Name: checkpoint, type of the stored numbers, options of LoraConfig.
ADAPTERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama2-all": ("llama2", "F32", {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}),
    "llama2-patterns": (
        "llama2",
        "BF16",
        {
            "r": 3,
            "lora_alpha": 7,
            "target_modules": ["q_proj", "v_proj", "down_proj"],
            "rank_pattern": {"v_proj": 6, "layers.1.mlp.down_proj": 1},
            "alpha_pattern": {"^model.layers.0.self_attn.q_proj": 20, "down_proj": 3},
        },
    ),
    "llama2-rslora": (
        "llama2",
        "F16",
        {
            "r": 5,
            "lora_alpha": 4,
            "use_rslora": True,
            "target_modules": r".*\.layers\.\d+\.(self_attn\.(k|o)_proj|mlp\.(gate|up)_proj)",
        },
    ),
    "llama3-one-layer": ("llama3", "F32", {"r": 2, "lora_alpha": 9, "target_modules": ["q_proj", "up_proj"], "layers_to_transform": [1]}),
    "phi3-fused": ("phi3", "F32", {"r": 4, "lora_alpha": 8, "target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], "alpha_pattern": {"qkv_proj": 12}}),
    "gpt2-conv": ("gpt2", "F32", {"r": 4, "lora_alpha": 8, "target_modules": ["c_attn", "c_fc", "c_proj"], "fan_in_fan_out": True}),
    "gpt-neox-fused": ("gpt-neox", "F32", {"r": 4, "lora_alpha": 8, "target_modules": ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]}),
    "falcon-groups": ("falcon-groups", "F32", {"r": 4, "lora_alpha": 8, "target_modules": ["query_key_value", "dense_4h_to_h"]}),
    "gemma2-all": ("gemma2", "F32", {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}),
    "qwen3-all": ("qwen3", "F32", {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}),
    "mixtral-attention": ("mixtral", "F32", {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]}),
    "olmo2-all": ("olmo2", "F32", {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name in ADAPTERS:
        if arguments.only in (None, name):
            write_adapter(name)


def write_adapter(name: str) -> None:
    checkpoint, dtype, options = ADAPTERS[name]
    folder = FIXTURES / "adapters" / name
    shutil.rmtree(folder, ignore_errors=True)
    model = _randomized(get_peft_model(_base(checkpoint), LoraConfig(task_type="CAUSAL_LM", **options)), name)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    weights = folder / "adapter_model.safetensors"
    save_file({key: value.to(DTYPES[dtype]).contiguous() for key, value in load_file(weights).items()}, weights, metadata={"format": "pt"})
    weights.chmod(0o644)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = checkpoint
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")
    reloaded = PeftModel.from_pretrained(_base(checkpoint), folder).eval()
    golden = json.loads((FIXTURES / "golden" / f"{checkpoint}.json").read_text())
    prompts = [prompt["tokens"] for prompt in golden["prompts"]][:3]
    result = {
        "checkpoint": checkpoint,
        "versions": {"peft": peft.__version__, "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]},
        "prompts": [{"tokens": tokens, **_logits(reloaded, tokens)} for tokens in prompts],
    }
    (folder / "golden.json").write_text(json.dumps(result) + "\n")
    print(name, sum(file.stat().st_size for file in folder.iterdir()), [prompt["change"] for prompt in result["prompts"]])


def _base(checkpoint: str) -> torch.nn.Module:
    folder = FIXTURES / "checkpoints" / checkpoint
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def _randomized(model: PeftModel, name: str) -> PeftModel:
    """Gives both matrices numbers: those of a new adapter are zeros in one of them."""
    generator = torch.Generator().manual_seed(sum(name.encode()))
    for key, parameter in model.named_parameters():
        if "lora_" in key:
            scale = 1 / parameter.shape[1] ** 0.5 if "lora_A" in key else 0.08
            parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    return model


@torch.no_grad()
def _logits(model: PeftModel, tokens: list[int]) -> dict[str, Any]:
    """Of the last token; `change` is how far the adapter moves them."""
    adapted = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
    with model.disable_adapter():
        base = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
    return {"change": round((adapted - base).abs().max().item(), 4), "logits": base64.b64encode(adapted.numpy().tobytes()).decode()}


if __name__ == "__main__":
    main()
