"""Compares recipes of 4 bits on a real Llama: weight error and loss, with float32 activations.

    pip install gguf safetensors tokenizers torch transformers
    python recipe_loss.py <directory> <text.txt|text.jsonl> [<tokens>]

Windows of 512 tokens, as `npm run bench -- quality/loss` cuts them. The head has 8 bits in blocks of 128 in all recipes
but Q4_0, where it is llama.cpp's Q8_0.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from gguf import GGMLQuantizationType, quants
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

block_size = 128
window_tokens = 512
Quantizer = Callable[[torch.Tensor], torch.Tensor]


def blocks_of(weight: torch.Tensor) -> torch.Tensor:
    padding = -weight.shape[1] % block_size
    return torch.nn.functional.pad(weight, (0, padding)).unflatten(1, (-1, block_size))


def bits4(has_zero_points: bool, is_weighted: bool) -> Quantizer:
    """Of three scales the one with the least error, where that of a number may be weighted with its magnitude."""

    def quantize(weight: torch.Tensor) -> torch.Tensor:
        blocks = blocks_of(weight)
        if has_zero_points:
            least = blocks.amin(-1, keepdim=True).clamp_max(0)
            extent = blocks.amax(-1, keepdim=True).clamp_min(0) - least
            zero = torch.round(-15 * least / extent)
            steps = [15 / ratio / extent for ratio in (0.975, 1.05, 0.925)]
        else:
            extreme = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
            zero = torch.full_like(extreme, 8)
            steps = [-8 / ratio / extreme for ratio in (1.025, 0.975, 0.925)]
        factors = blocks.abs() if is_weighted else torch.ones_like(blocks)
        best, best_score = torch.zeros_like(blocks), torch.full_like(zero, -1)
        for inverse in steps:
            q = torch.floor(blocks * inverse + zero + 0.5).clamp(0, 15) - zero
            cross = (factors * blocks * q).sum(-1, keepdim=True)
            square = (factors * q * q).sum(-1, keepdim=True)
            score = cross * cross / square
            best = torch.where(score > best_score, q * cross / square, best)
            best_score = torch.maximum(score, best_score)
        return best.flatten(1)[:, : weight.shape[1]]

    return quantize


def bits8(weight: torch.Tensor) -> torch.Tensor:
    blocks = blocks_of(weight)
    scale = blocks.abs().amax(-1, keepdim=True).clamp_min(1e-30) / 127
    return (torch.round(blocks / scale) * scale).flatten(1)[:, : weight.shape[1]]


def of_llama(kind: GGMLQuantizationType) -> Quantizer:
    return lambda weight: torch.from_numpy(quants.dequantize(quants.quantize(weight.numpy(), kind), kind))


attention = ("q_proj", "k_proj", "v_proj", "o_proj")
int4 = bits4(has_zero_points=True, is_weighted=True)
q4_0 = of_llama(GGMLQuantizationType.Q4_0)
q8_0 = of_llama(GGMLQuantizationType.Q8_0)
# The quantizers of the head, of some projections, and of the others.
recipes: dict[str, tuple[Quantizer, tuple[str, ...], Quantizer, Quantizer]] = {
    "llama.cpp's Q4_0": (q8_0, (), q4_0, q4_0),
    "4 bits, least squared error": (bits8, (), bits8, bits4(False, False)),
    "4 bits, weighted error": (bits8, (), bits8, bits4(False, True)),
    "zero points, least squared error": (bits8, (), bits8, bits4(True, False)),
    "zero points, weighted error": (bits8, (), bits8, int4),
    "keys and values in 8 bits, weighted error": (bits8, ("k_proj", "v_proj"), bits8, bits4(False, True)),
    "keys and values in 8 bits, zero points, weighted error (int4)": (bits8, ("k_proj", "v_proj"), bits8, int4),
    "queries too": (bits8, ("q_proj", "k_proj", "v_proj"), bits8, int4),
    "all of attention in 8 bits": (bits8, attention, bits8, int4),
}


def windows_of(path: str, tokenizer: Tokenizer, max_tokens: int) -> list[list[int]]:
    content = Path(path).read_text()
    documents = [content]
    if path.endswith(".jsonl"):
        lines = (json.loads(line) for line in content.splitlines())
        documents = [line["text"] for line in lines if "text" in line]
    windows: list[list[int]] = []
    remaining = max_tokens
    for document in documents:
        ids = tokenizer.encode(document).ids
        for start in range(0, len(ids), window_tokens):
            window = ids[start : start + min(window_tokens, remaining)]
            if len(window) > 1:
                windows.append(window)
            remaining -= len(window)
            if remaining <= 1:
                return windows
    return windows


def predictions(model: torch.nn.Module, window: list[int]) -> torch.Tensor:
    """Logarithms of the probabilities of each token that follows."""
    return model(torch.tensor([window])).logits[0, :-1].log_softmax(-1)


@torch.no_grad()
def main(directory: str, text: str, max_tokens: str = "24000") -> None:
    def load() -> torch.nn.Module:
        return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()

    tokenizer = Tokenizer.from_file(str(Path(directory) / "tokenizer.json"))
    windows = windows_of(text, tokenizer, int(max_tokens))
    base = load()
    exact = [predictions(base, window) for window in windows]
    for name, (head, special, of_special, others) in recipes.items():
        model = load()
        model.lm_head.weight = torch.nn.Parameter(head(base.lm_head.weight))
        error = (model.lm_head.weight - base.lm_head.weight).double().square().sum()
        square = base.lm_head.weight.double().square().sum()
        for module_name, module in model.model.named_modules():
            if not isinstance(module, torch.nn.Linear):
                continue
            source = module.weight.data
            module.weight.data = (of_special if module_name.endswith(special) else others)(source)
            error += (module.weight.data - source).double().square().sum()
            square += source.double().square().sum()
        losses = []
        for window, reference in zip(windows, exact, strict=True):
            difference = reference - predictions(model, window)
            losses.append((reference.exp() * difference).sum(-1).double())
        loss = torch.cat(losses)
        spread = loss.std() / len(loss) ** 0.5
        print(f"{name}: weight error {(error / square) ** 0.5:.4f}, KL {loss.mean():.5f} ± {spread:.5f}, {len(loss)} tokens", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
