"""A tiny checkpoint of gpt-oss whose experts are in MXFP4, and the logits of transformers, which unpacks it by itself.

    python mxfp4_checkpoint.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from checkpoint_specs import VOCAB_SIZE
from mixture_specs import gpt_oss
from random_weights import randomize
from versions import provenance

FOLDER = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "quantized" / "mxfp4"
PROMPTS = [[7, 100, 33, 250, 12, 5], [300, 4, 4, 81], list(range(20, 60))]
BLOCK = 32
# The numbers of 4 bits: a sign, two bits of exponent and one of fraction.
MAGNITUDES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
EXPONENT_BIAS = 127
CONFIG = gpt_oss(
    head_dim=16,
    hidden_size=64,
    intermediate_size=96,
    layer_types=["sliding_attention", "full_attention"],
    num_attention_heads=4,
    num_hidden_layers=2,
    num_local_experts=4,
    quantization_config={
        "modules_to_not_convert": [
            "model.layers.*.self_attn",
            "model.layers.*.mlp.router",
            "model.embed_tokens",
            "lm_head",
        ],
        "quant_method": "mxfp4",
    },
)


def pack(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`(experts, rows, columns)` → `(experts, rows, blocks, 16)` and the exponents `(experts, rows, blocks)`."""
    blocks = weight.unflatten(-1, (-1, BLOCK))
    largest = blocks.abs().amax(-1, keepdim=True)
    # The largest number of a block has the exponent of 6, or is cut off there.
    exponents = (largest.log2().floor() - 2).clamp(-EXPONENT_BIAS, 127)
    scaled = blocks / torch.exp2(exponents)
    codes = (scaled.abs().unsqueeze(-1) - MAGNITUDES).abs().argmin(-1) + 8 * (scaled < 0)
    pairs = codes.unflatten(-1, (-1, 2)).to(torch.uint8)
    return pairs[..., 0] | (pairs[..., 1] << 4), (exponents.squeeze(-1) + EXPONENT_BIAS).to(torch.uint8)


def encoded(tensor: torch.Tensor) -> dict[str, Any]:
    data = base64.b64encode(tensor.contiguous().numpy().astype("<f4").tobytes()).decode()
    return {"dtype": "F32", "shape": list(tensor.shape), "data": data}


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_json(FOLDER / "config.json", CONFIG)
    plain = {key: value for key, value in CONFIG.items() if key != "quantization_config"}
    config = AutoConfig.for_model(**plain)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    randomize(model, 4)
    tensors: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        if name.endswith(("gate_up_proj", "down_proj")):
            blocks, scales = pack(parameter.detach().transpose(-1, -2))
            tensors[f"{name}_blocks"], tensors[f"{name}_scales"] = blocks.contiguous(), scales.contiguous()
        else:
            tensors[name] = parameter.detach().to(torch.bfloat16).contiguous()
    save_file(tensors, FOLDER / "model.safetensors", metadata={"format": "pt"})
    (FOLDER / "model.safetensors").chmod(0o644)
    loaded = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32, attn_implementation="eager").eval()
    kinds = {parameter.dtype for parameter in loaded.parameters()}
    if kinds != {torch.float32}:
        raise RuntimeError(f"wanted weights in float32, got {kinds}")
    golden = [{"tokens": prompt, "logits": encoded(loaded(torch.tensor([prompt]), use_cache=False).logits[0, -1])} for prompt in PROMPTS]
    write_json(FOLDER / "golden.json", {"madeBy": provenance("tools/reference/mxfp4_checkpoint.py"), "vocabSize": VOCAB_SIZE, "prompts": golden})


if __name__ == "__main__":
    main()
