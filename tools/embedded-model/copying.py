"""Starts a network with heads that copy: one that looks a token back, and two that find what followed last time.

Such induction heads (https://arxiv.org/abs/2209.11895) arise by themselves, but late; a small budget has no time to wait.
"""

from __future__ import annotations

import math

import torch

from network import Network

_SPREAD = 0.05  # of an embedding's entries
_CONSTANT = 0.15  # every token's first entry, which positions can be read from
_SHARPNESS = 6.7
_MATCH = 3.5
_STRENGTH = 0.3
_CONTENT_PAIRS = 8  # rotary pairs that turn slowly enough to compare contents across a story


@torch.no_grad()
def begin_with_copying(model: Network) -> None:
    shape = model.shape
    basis = torch.linalg.qr(torch.randn(shape.hidden_size - 1, shape.hidden_size - 1)).Q
    basis = torch.cat((torch.zeros(len(basis), 1), basis), dim=1)
    seen, carried, more = basis[:32], basis[32:64], basis[64:96]
    embedding = model.embed_tokens.weight
    embedding.copy_(_SPREAD * torch.randn_like(embedding))
    embedding -= embedding @ carried.T @ carried
    embedding[:, 0] = _CONSTANT
    _look_back(model, seen, carried)
    for kv_head, values in enumerate((seen, more)):
        _find(model, kv_head, (seen[16 * kv_head : 16 * kv_head + 16], carried[16 * kv_head : 16 * kv_head + 16]), values)


def _look_back(model: Network, seen: torch.Tensor, carried: torch.Tensor) -> None:
    """Layer 0, head 0: carries what the token before is into directions that no embedding uses."""
    shape, attention = model.shape, model.layers[0].self_attn
    constant = _CONSTANT / _SPREAD
    half = shape.head_dim // 2
    angles = shape.rope_theta ** (-torch.arange(half) / half)
    key, query = torch.zeros(shape.head_dim), torch.zeros(shape.head_dim)
    key[:4] = _SHARPNESS
    query[:4], query[half : half + 4] = _SHARPNESS * angles[:4].cos(), -_SHARPNESS * angles[:4].sin()
    rows = slice(0, shape.head_dim)
    attention.k_proj.weight[rows] = 0
    attention.k_proj.weight[rows, 0] = key / constant
    attention.q_proj.weight[rows] = 0
    attention.q_proj.weight[rows, 0] = query / constant
    attention.v_proj.weight[rows] = seen
    attention.o_proj.weight[:, rows] = _SPREAD * carried.T


def _find(model: Network, kv_head: int, match: tuple[torch.Tensor, torch.Tensor], values: torch.Tensor) -> None:
    """Layer 1: finds where the token before was this token, and says what stood there."""
    shape, attention = model.shape, model.layers[1].self_attn
    seen, carried = match
    half = shape.head_dim // 2
    slow = [*range(half - _CONTENT_PAIRS, half), *range(shape.head_dim - _CONTENT_PAIRS, shape.head_dim)]
    head = kv_head * (shape.heads // shape.kv_heads)
    key_rows = slice(kv_head * shape.head_dim, (kv_head + 1) * shape.head_dim)
    query_rows = slice(head * shape.head_dim, (head + 1) * shape.head_dim)
    attention.k_proj.weight[key_rows] = 0
    attention.q_proj.weight[query_rows] = 0
    for index, row in enumerate(slow):
        attention.k_proj.weight[key_rows][row] = _MATCH * carried[index]
        attention.q_proj.weight[query_rows][row] = _MATCH * seen[index]
    attention.v_proj.weight[key_rows] = values
    attention.o_proj.weight[:, query_rows] = _STRENGTH * values.T
