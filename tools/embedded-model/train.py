"""Trains the embedded model from a seed and leaves checkpoints for export.py.

Usage: python train.py --work build --minutes 45
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from conversations import any_document
from copying import begin_with_copying
from make_text import documents
from network import Network, Shape
from vocabulary import BEGIN, END, PAD, encode, train_tokenizer

TRAIN_SEED, HELD_OUT_SEED, TOKENIZER_SEED = 1, 2, 3
FIRST_DRILLS, LATER_DRILLS, FIRST_DOCUMENTS = 0.3, 0.03, 4000
EMBEDDING_RATE = 0.4
RARE, RARE_WEIGHT = 0.001, 3.0
FIRST_ORDINARY_ID = 7
AVERAGE_DECAY = 0.995

Batch = tuple[torch.Tensor, torch.Tensor]
Example = tuple[list[int], list[bool]]


def batches(tokenizer: Tokenizer, seed: int, tokens_per_step: int) -> Iterator[Batch]:
    """Yields batches of documents of like length without end; every document is new.

    Lengths are few and rows are full, because the kernels are built anew for every shape that they meet.
    """
    rng = random.Random(seed)
    waiting: dict[int, list[Example]] = {}
    for count in itertools.count():
        drills = FIRST_DRILLS if count < FIRST_DOCUMENTS and seed == TRAIN_SEED else LATER_DRILLS
        ids, learned = drill(rng, tokenizer.get_vocab_size()) if rng.random() < drills else encode(tokenizer, any_document(rng))
        ids, learned = ids[: Shape.context], learned[: Shape.context]
        grain = 32 if len(ids) <= 256 else 64 if len(ids) <= 512 else 128
        length = -(-len(ids) // grain) * grain
        rows = waiting.setdefault(length, [])
        rows.append((ids, learned))
        if len(rows) >= max(1, tokens_per_step // length):
            yield _padded(waiting.pop(length), length)


def drill(rng: random.Random, vocab_size: int) -> Example:
    """Random tokens, said again: what is learned here is to copy."""
    said = [rng.randrange(FIRST_ORDINARY_ID, vocab_size) for _ in range(rng.randrange(5, 31))]
    times = rng.randrange(2, 5)
    return [BEGIN, *said * times, END], [False] * (1 + len(said)) + [True] * (len(said) * (times - 1)) + [False]


def rarity(tokenizer: Tokenizer) -> torch.Tensor:
    """Returns the weight of each token's loss: names and nouns are rare, and they are what must be right."""
    counts = torch.zeros(tokenizer.get_vocab_size())
    for document in documents(TOKENIZER_SEED, 2_000):
        counts += torch.bincount(torch.tensor(encode(tokenizer, document)[0]), minlength=len(counts))
    return torch.where(counts / counts.sum() < RARE, RARE_WEIGHT, 1.0)


def _padded(group: list[Example], length: int) -> Batch:
    ids = torch.full((len(group), length), PAD)
    learned = torch.zeros((len(group), length), dtype=torch.bool)
    for row, (own_ids, own_learned) in enumerate(group):
        ids[row, : len(own_ids)] = torch.tensor(own_ids)
        learned[row, : len(own_ids)] = torch.tensor(own_learned)
    return ids, learned


def learning_rate(progress: float, peak: float) -> float:
    if progress < 0.02:
        return peak * progress / 0.02
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


@torch.no_grad()
def held_out_loss(model: Network, held_out: list[Batch]) -> float:
    losses = [(model.loss(*batch).item(), batch[1].sum().item()) for batch in held_out]
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build"))
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--tokens-per-step", type=int, default=4096)
    parser.add_argument("--peak", type=float, default=2.5e-3)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from, with a schedule of its own")
    parser.add_argument("--seed", type=int, default=TRAIN_SEED)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer_file = arguments.work / "tokenizer.json"
    if arguments.start is not None:
        _keep_tokenizer(arguments.start.parent / "tokenizer.json", tokenizer_file)
    elif not tokenizer_file.exists():
        train_tokenizer(documents(TOKENIZER_SEED, 20_000), Shape.vocab_size).save(str(tokenizer_file))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    model = Network(Shape(layers=arguments.layers))
    if arguments.start is None:
        begin_with_copying(model)
    else:
        model.load_state_dict(torch.load(arguments.start, weights_only=True)["weights"])
    _train(arguments, tokenizer, model)


def _keep_tokenizer(source: Path, target: Path) -> None:
    """Weights mean something with the tokenizer that they were trained with only: it goes on from beside the checkpoint."""
    text = source.read_bytes()
    if target.exists() and target.read_bytes() != text:
        raise SystemExit(f"{target} is another tokenizer than {source}, which the checkpoint was trained with")
    target.write_bytes(text)


class MixedPrecision:
    """A BF16 network that computes, and F32 weights that are moved: matrices of layers by Muon, the rest by AdamW."""

    def __init__(self, model: Network, weights: torch.Tensor) -> None:
        self.names = [name for name, _ in model.named_parameters()]
        self.masters = [nn.Parameter(parameter.detach().clone()) for parameter in model.parameters()]
        self.average = [master.detach().clone() for master in self.masters]
        self.model = model.to(torch.bfloat16)
        self.weights = weights
        inner = [master for name, master in zip(self.names, self.masters, strict=True) if master.ndim == 2 and "embed" not in name]
        outer = [master for name, master in zip(self.names, self.masters, strict=True) if master.ndim == 1 or "embed" in name]
        self.optimizers = (
            torch.optim.Muon(inner, lr=0.0, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(outer, lr=0.0, weight_decay=0.0, betas=(0.9, 0.97), fused=True),
        )

    def step(self, batch: Batch, rate: float, decay: float) -> float:
        """Returns the loss of the batch before the step."""
        loss = self.model.loss(*batch, self.weights)
        loss.backward()
        for master, parameter in zip(self.masters, self.model.parameters(), strict=True):
            master.grad = parameter.grad.float()
            parameter.grad = None
        nn.utils.clip_grad_norm_(self.masters, 1.0)
        for optimizer, share in zip(self.optimizers, (1.0, EMBEDDING_RATE), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
        with torch.no_grad():
            for master, parameter in zip(self.masters, self.model.parameters(), strict=True):
                parameter.copy_(master)
            torch._foreach_lerp_(self.average, [master.detach() for master in self.masters], 1 - decay)
        return loss.item()


def _train(arguments: argparse.Namespace, tokenizer: Tokenizer, model: Network) -> None:
    print(f"{sum(parameter.numel() for parameter in model.parameters())} parameters", flush=True)
    precise = MixedPrecision(model, rarity(tokenizer))
    source = batches(tokenizer, arguments.seed, arguments.tokens_per_step)
    held_out = [_padded([encode(tokenizer, document)], Shape.context) for document in documents(HELD_OUT_SEED, 100) if len(encode(tokenizer, document)[0]) <= Shape.context]
    held_out = [(ids[:, : learned.nonzero()[-1, 1] + 1], learned[:, : learned.nonzero()[-1, 1] + 1]) for ids, learned in held_out]
    rng = random.Random(HELD_OUT_SEED)
    drills = _padded([drill(rng, tokenizer.get_vocab_size()) for _ in range(16)], 128)
    start, seen, smooth = time.monotonic(), 0, 0.0
    progress, step = 0.0, 0
    while progress < 1:
        progress = max(step / arguments.steps, (time.monotonic() - start) / 60 / arguments.minutes)
        batch = next(source)
        loss = precise.step(batch, learning_rate(progress, arguments.peak), min(AVERAGE_DECAY, step / (step + 10)))
        step, seen = step + 1, seen + batch[0].numel()
        smooth = loss if step == 1 else 0.98 * smooth + 0.02 * loss
        if step % 25 == 0:
            with torch.no_grad():
                copied = model.loss(*drills).item()
            print(f"step {step} tokens {seen} loss {smooth:.4f} drills {copied:.3f} seconds {time.monotonic() - start:.0f} progress {progress:.3f}", flush=True)
        if step % 250 == 0 or progress >= 1:
            state = {"step": step, "tokens": seen, "train_loss": smooth, "seconds": time.monotonic() - start}
            _checkpoint(arguments.work, dict(zip(precise.names, precise.average, strict=True)), state, (model.shape, held_out))


def _checkpoint(work: Path, weights: dict[str, torch.Tensor], state: dict, evaluated: tuple[Shape, list[Batch]]) -> None:
    """Measures the averaged weights as they will be stored, in BF16, and saves them."""
    shape, held_out = evaluated
    shadow = Network(shape)
    shadow.load_state_dict(weights)
    state = {**state, "held_out_loss": held_out_loss(shadow.to(torch.bfloat16), held_out)}
    print(json.dumps(state), flush=True)
    torch.save({"weights": weights, "shape": shape.__dict__, **state}, work / "checkpoint.tmp")
    (work / "checkpoint.tmp").replace(work / "checkpoint.pt")


if __name__ == "__main__":
    main()
