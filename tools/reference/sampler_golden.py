"""What the logits processors of transformers make of random logits, as the probabilities of the next token.

The order is vLLM's: stop tokens that may not come yet, bias, repetition penalty, frequency and presence penalty,
then temperature, min-p, top-k, top-p. Frequency and presence penalties are OpenAI's formula, which transformers lacks:
logit[j] - count[j] * frequency - (count[j] > 0) * presence, over generated tokens.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from transformers import (
    MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from versions import provenance

VOCAB_SIZE = 32
LARGE_VOCAB_SIZE = 150_000
RANDOM_CASES = 60
SEED = 20261120

Case = dict[str, Any]

_OFF: Case = {
    "temperature": 1.0,
    "topK": 0,
    "topP": 1.0,
    "minP": 0.0,
    "repetitionPenalty": 1.0,
    "presencePenalty": 0.0,
    "frequencyPenalty": 0.0,
    "logitBias": [],
    "stopTokenIds": [],
    "minTokens": 0,
    "prompt": [],
    "generated": [],
}
_EDGES: tuple[Case, ...] = (
    {},
    {"temperature": 0.5},
    {"temperature": 2.0},
    {"temperature": 1e-4},
    {"topK": 1},
    {"topK": 5},
    {"topK": VOCAB_SIZE},
    {"topK": 1000},
    {"topP": 1e-9},
    {"topP": 0.1},
    {"topP": 0.5},
    {"topP": 0.9},
    {"topP": 0.999999},
    {"minP": 0.05},
    {"minP": 0.5},
    {"minP": 1.0},
    {"topK": 8, "topP": 0.6},
    {"minP": 0.1, "topP": 0.6},
    {"temperature": 0.7, "topK": 10, "topP": 0.8, "minP": 0.02},
    {"temperature": 1.7, "topK": 20, "topP": 0.95, "minP": 0.01},
    {"repetitionPenalty": 1.3, "prompt": [0, 1, 1, 2], "generated": [3, 4, 4]},
    {"repetitionPenalty": 0.8, "prompt": [0, 1, 1, 2], "generated": [3, 4, 4]},
    {"frequencyPenalty": 0.7, "prompt": [0, 1], "generated": [3, 4, 4, 4]},
    {"presencePenalty": 1.1, "prompt": [0, 1], "generated": [3, 4, 4, 4]},
    {"frequencyPenalty": -2.0, "presencePenalty": -2.0, "generated": [3, 4, 4, 4]},
    {"repetitionPenalty": 1.5, "frequencyPenalty": 0.5, "presencePenalty": 0.5, "prompt": [5, 6], "generated": [6, 7, 7]},
    {"logitBias": [[0, 5.0], [1, -100.0], [2, 0.5]]},
    {"logitBias": [[0, 100.0]]},
    {"logitBias": [[3, 2.0]], "repetitionPenalty": 2.0, "generated": [3]},
    {"stopTokenIds": [0, 1, 2], "minTokens": 3, "generated": [9, 9]},
    {"stopTokenIds": [0, 1, 2], "minTokens": 3, "generated": [9, 9, 9]},
    {"stopTokenIds": [0], "minTokens": 1, "logitBias": [[0, 100.0]]},
)


def write_sampler_golden(golden: Path) -> None:
    """Writes the edges, random combinations, and one case of a large vocabulary."""
    rng = random.Random(SEED)
    logits = [[_rounded(rng.gauss(0, scale)) for _ in range(VOCAB_SIZE)] for scale in (1, 3, 8)]
    cases = [{**_OFF, **edge, "logits": which} for which in range(len(logits)) for edge in _EDGES]
    cases += [{**_random_case(rng), "logits": rng.randrange(len(logits))} for _ in range(RANDOM_CASES)]
    value = {
        "madeBy": provenance("tools/reference/make_reference.py"),
        "logits": logits,
        "cases": [{**case, "probabilities": _probabilities(logits[case["logits"]], case)} for case in cases],
        "large": [_large(edge) for edge in ({}, {"topP": 0.9}, {"topK": 40, "topP": 0.95}, {"minP": 0.05}, {"temperature": 0.3, "topP": 0.5})],
    }
    golden.mkdir(parents=True, exist_ok=True)
    (golden / "sampler.json").write_text(json.dumps(value) + "\n", encoding="utf-8")
    print(f"sampler: {len(value['cases'])} cases, {len(value['large'])} of {LARGE_VOCAB_SIZE} tokens")


def _rounded(number: float) -> float:
    """Exact in float32, and without ties."""
    return round(number * 4096) / 4096


def _random_case(rng: random.Random) -> Case:
    def maybe(value: Any, otherwise: Any) -> Any:
        return value if rng.random() < 0.5 else otherwise

    ids = range(VOCAB_SIZE)
    return {
        "temperature": round(rng.uniform(0.1, 2), 3),
        "topK": maybe(rng.randrange(1, VOCAB_SIZE), 0),
        "topP": maybe(round(rng.uniform(0.05, 1), 3), 1.0),
        "minP": maybe(round(rng.uniform(0, 0.4), 3), 0.0),
        "repetitionPenalty": maybe(round(rng.uniform(0.5, 2), 3), 1.0),
        "presencePenalty": maybe(round(rng.uniform(-2, 2), 3), 0.0),
        "frequencyPenalty": maybe(round(rng.uniform(-2, 2), 3), 0.0),
        "logitBias": maybe([[token, round(rng.uniform(-8, 8), 3)] for token in rng.sample(ids, 4)], []),
        "stopTokenIds": maybe(rng.sample(ids, 3), []),
        "minTokens": rng.randrange(6),
        "prompt": rng.choices(ids, k=rng.randrange(1, 8)),
        "generated": rng.choices(ids, k=rng.randrange(8)),
    }


def _probabilities(logits: list[float], case: Case) -> list[float]:
    scores = torch.tensor([logits], dtype=torch.float64)
    said = torch.tensor([case["prompt"] + case["generated"]], dtype=torch.long)
    if case["stopTokenIds"] and case["minTokens"] > 0:
        fewest = MinNewTokensLengthLogitsProcessor(len(case["prompt"]), case["minTokens"], case["stopTokenIds"], device="cpu")
        scores = fewest(said, scores)
    if case["logitBias"]:
        scores = SequenceBiasLogitsProcessor([[[token], bias] for token, bias in case["logitBias"]])(said, scores)
    if case["repetitionPenalty"] != 1 and said.numel() > 0:
        scores = RepetitionPenaltyLogitsProcessor(case["repetitionPenalty"])(said, scores)
    counts = torch.bincount(torch.tensor(case["generated"], dtype=torch.long), minlength=len(logits))
    scores = scores - counts * case["frequencyPenalty"] - (counts > 0) * case["presencePenalty"]
    scores = TemperatureLogitsWarper(case["temperature"])(said, scores)
    if case["minP"] > 0:
        scores = MinPLogitsWarper(case["minP"])(said, scores)
    if case["topK"] > 0:
        scores = TopKLogitsWarper(case["topK"])(said, scores)
    if case["topP"] < 1:
        scores = TopPLogitsWarper(case["topP"])(said, scores)
    return [float(f"{value:.9g}") for value in torch.softmax(scores, dim=-1)[0].tolist()]


def _large(edge: Case) -> Case:
    """Logits by a rule that every language can follow: 12 * ((id * 7919 mod 150001) / 150001) ** 16."""
    logits = [12 * ((token * 7919 % 150_001) / 150_001) ** 16 for token in range(LARGE_VOCAB_SIZE)]
    exact = torch.tensor(logits, dtype=torch.float32).tolist()
    probabilities = _probabilities(exact, {**_OFF, **edge})
    order = sorted(range(LARGE_VOCAB_SIZE), key=lambda token: -probabilities[token])
    return {**edge, "keptCount": sum(value > 0 for value in probabilities), "likeliest": [[token, probabilities[token]] for token in order[:8]]}
