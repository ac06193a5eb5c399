"""Writes a checkpoint of train.py as a Hugging Face directory.

Usage: python export.py --work build --to ../../packages/models/embedded/infernode-stories
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from vocabulary import BEGIN, CHAT_TEMPLATE, END, PAD, SPECIAL_TOKENS, TURN_END

TARGET = Path(__file__).resolve().parents[2] / "packages" / "models" / "embedded" / "infernode-stories"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build"))
    parser.add_argument("--to", type=Path, default=TARGET)
    arguments = parser.parse_args()
    checkpoint = torch.load(arguments.work / "checkpoint.pt", weights_only=True)
    folder = arguments.to
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": weight.to(torch.bfloat16).contiguous() for name, weight in checkpoint["weights"].items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    (folder / "tokenizer.json").write_bytes((arguments.work / "tokenizer.json").read_bytes())
    _write_json(folder / "config.json", _config(checkpoint["shape"]))
    _write_json(folder / "generation_config.json", _generation_config())
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(checkpoint["shape"]))
    _write_json(folder / "special_tokens_map.json", {"bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": "<|pad|>"})
    measured = {key: checkpoint[key] for key in ("step", "tokens", "seconds", "train_loss", "held_out_loss")}
    print(json.dumps({**measured, "bytes": sum(file.stat().st_size for file in folder.iterdir())}))


def _config(shape: dict[str, Any]) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": BEGIN,
        "eos_token_id": [END, TURN_END],
        "head_dim": shape["head_dim"],
        "hidden_act": "silu",
        "hidden_size": shape["hidden_size"],
        "initializer_range": 0.05,
        "intermediate_size": shape["intermediate_size"],
        "max_position_embeddings": shape["context"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": shape["heads"],
        "num_hidden_layers": shape["layers"],
        "num_key_value_heads": shape["kv_heads"],
        "pad_token_id": PAD,
        "pretraining_tp": 1,
        "rms_norm_eps": shape["eps"],
        "rope_scaling": None,
        "rope_theta": shape["rope_theta"],
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.57.0",
        "use_cache": True,
        "vocab_size": shape["vocab_size"],
    }


def _generation_config() -> dict[str, Any]:
    return {
        "bos_token_id": BEGIN,
        "do_sample": True,
        "eos_token_id": [END, TURN_END],
        "pad_token_id": PAD,
        "temperature": 0.7,
        "top_k": 40,
        "top_p": 0.9,
        "transformers_version": "4.57.0",
    }


def _tokenizer_config(shape: dict[str, Any]) -> dict[str, Any]:
    added = {
        str(index): {"content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        for index, token in enumerate(SPECIAL_TOKENS)
    }
    return {
        "added_tokens_decoder": added,
        "bos_token": "<|begin|>",
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|end|>",
        "model_max_length": shape["context"],
        "pad_token": "<|pad|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
