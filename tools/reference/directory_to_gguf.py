"""Writes a Llama's Hugging Face directory as a GGUF file in float32, for `quantize_with_llama.py`.

    pip install gguf safetensors torch
    python directory_to_gguf.py <directory> <target.gguf>

The file has the weights and what the network needs, and no tokenizer: it computes, and cannot be served.
"""

import json
import sys
from pathlib import Path

import torch
from gguf import GGUFWriter, MODEL_ARCH, get_tensor_name_map
from safetensors.torch import load_file


def write_metadata(writer: GGUFWriter, config: dict) -> None:
    head_count = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // head_count
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(head_count)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def interleave(weight: torch.Tensor, head_count: int) -> torch.Tensor:
    """Rows in the order of llama.cpp, whose rotation takes pairs that are next to each other."""
    rows, columns = weight.shape
    halves = weight.reshape(head_count, 2, rows // head_count // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def main(source: str, target: str) -> None:
    folder = Path(source)
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] != "llama":
        raise SystemExit(f"expected model_type llama, got {config['model_type']}")
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    writer = GGUFWriter(target, "llama")
    write_metadata(writer, config)
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for path in sorted(folder.glob("*.safetensors")):
        for name, stored in load_file(path).items():
            weight = stored.float()
            head_count = heads.get(name.split(".")[-2])
            ordered = weight if head_count is None else interleave(weight, head_count)
            writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), ordered.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
