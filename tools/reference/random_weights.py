"""Random weights whose logits are spread and whose every parameter matters."""

from __future__ import annotations

import math

import torch
from torch import nn


def randomize(model: nn.Module, seed: int) -> None:
    """Fills all parameters from one seed: projections scaled by fan-in, norms around one, biases not zero."""
    generator = torch.Generator().manual_seed(seed)
    hidden_size = model.config.hidden_size
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.copy_(_scaled(name, noise, hidden_size))


def _scaled(name: str, noise: torch.Tensor, hidden_size: int) -> torch.Tensor:
    if name.endswith("norm.weight"):
        return 1.0 + 0.25 * noise
    if name.endswith(".bias"):
        return 0.3 * noise
    if "embed_tokens" in name:
        return 0.5 * noise
    if "lm_head" in name:
        return 4.0 * noise / math.sqrt(hidden_size)
    gain = 1.5 if ("q_proj" in name or "k_proj" in name) else 2.0
    return gain * noise / math.sqrt(noise.shape[-1])
