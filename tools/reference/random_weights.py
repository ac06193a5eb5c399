"""Random weights whose logits are spread and whose every parameter matters."""

from __future__ import annotations

import math

import torch
from torch import nn


# In Gemma what a layer adds outweighs the embedding, which is scaled up, and attention is sharp: a network of plain random
# weights repeats its last token. Around what its norms are, where it has four of them, and else gains:
_CENTERS = {"post_attention_layernorm": 10.0, "post_feedforward_layernorm": 10.0, "q_norm": 2.0, "k_norm": 2.0}
_GAINS = {"o_proj": 6.0, "down_proj": 6.0}


def randomize(model: nn.Module, seed: int) -> None:
    """Fills all parameters from one seed: projections scaled by fan-in, norms around one, biases not zero."""
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    parameters = dict(model.named_parameters())
    has_four_norms = any("pre_feedforward_layernorm" in name for name in parameters)
    # Gemma stores how far the weight of a norm is from 1.
    is_gemma = config.model_type.startswith("gemma")
    norm_offset = 1.0 if is_gemma else 0.0
    gains = _GAINS if is_gemma and not has_four_norms else {}
    for name, parameter in parameters.items():
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("norm.weight") or (name.endswith(".weight") and ".ln_" in name):
            center = _CENTERS.get(name.split(".")[-2], 1.0) if has_four_norms else 1.0
            parameter.data.copy_(center - norm_offset + 0.25 * noise)
        else:
            scaled = _scaled(name, noise, config.get_text_config().hidden_size)
            parameter.data.copy_(scaled * gains.get(name.split(".")[-2], 1.0))


def _scaled(name: str, noise: torch.Tensor, hidden_size: int) -> torch.Tensor:
    if name.endswith((".bias", "_bias")):
        return 0.3 * noise
    if name.endswith(".sinks"):
        return 1.0 + noise
    if name.endswith(("experts.gate_up_proj", "experts.down_proj")):
        # Stored as (experts, in, out); a twelfth of what gate and up return is beyond the limit of 7.
        gain = 4.0 if "gate_up" in name else 0.25
        return gain * noise / math.sqrt(noise.shape[-2])
    if any(part in name for part in ("embed_tokens", "embed_in", "word_embeddings", "wte", "wpe")):
        return 0.5 * noise
    if "lm_head" in name or "embed_out" in name:
        return 4.0 * noise / math.sqrt(hidden_size)
    gain = 1.5 if ("q_proj" in name or "k_proj" in name) else 2.0
    return gain * noise / math.sqrt(noise.shape[-1])
