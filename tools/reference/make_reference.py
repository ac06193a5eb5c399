"""Makes the golden values under test/fixtures with PyTorch and transformers.

Usage: python make_reference.py [checkpoints|tokenizers|templates|sampler|rope|long-prompts ...] [--only NAME]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import transformers

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
EMBEDDED = FIXTURES.parents[1] / "packages" / "models" / "embedded" / "infernode-stories"
TOKENIZER_SIZES = {"llama2": 700, "llama2-metaspace": 700, "gemma": 700, "llama3": 900, "qwen2": 900, "tekken": 800}
TOPICS = ("checkpoints", "tokenizers", "templates", "sampler", "rope", "long-prompts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", help=", ".join(TOPICS))
    parser.add_argument("--only", help="make only the checkpoint of this name")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    topics = arguments.topics or list(TOPICS)
    if "checkpoints" in topics:
        _make_checkpoints(arguments.only)
    if "tokenizers" in topics:
        _make_tokenizers()
    if "templates" in topics:
        _make_templates()
    if "sampler" in topics:
        from sampler_golden import write_sampler_golden

        write_sampler_golden(FIXTURES / "golden")
    if "rope" in topics:
        from rope_golden import write_rope_golden

        write_rope_golden(FIXTURES / "golden")
    if "long-prompts" in topics:
        from long_prompts import write_long_prompts_golden

        write_long_prompts_golden(FIXTURES)


def _make_checkpoints(only: str | None) -> None:
    from checkpoint_specs import checkpoint_specs
    from checkpoints import write_checkpoint

    for spec in checkpoint_specs():
        if only is None or spec.name == only:
            write_checkpoint(spec, FIXTURES)


def _make_tokenizers() -> None:
    from checkpoint_specs import VOCAB_SIZE, checkpoint_specs
    from tokenizer_damage import write_tokenizer_damage
    from tokenizer_golden import write_tokenizer_golden
    from tokenizer_styles import write_tokenizer

    golden = FIXTURES / "golden"
    for name, size in TOKENIZER_SIZES.items():
        folder = FIXTURES / "tokenizers" / name
        write_tokenizer(name, size, folder, specials_first=name == "tekken")
        write_tokenizer_golden(f"tokenizers/{name}", folder, golden)
    if (EMBEDDED / "tokenizer.json").exists():
        write_tokenizer_golden("packages/models/embedded/infernode-stories", EMBEDDED, golden)
    for spec in checkpoint_specs():
        write_tokenizer(spec.tokenizer_style, VOCAB_SIZE, FIXTURES / "checkpoints" / spec.name, specials_first=True)
    write_tokenizer_damage(FIXTURES / "tokenizers", golden)


def _make_templates() -> None:
    from templates_golden import TEMPLATES, write_snippets_golden, write_template_golden

    sources = {file.stem: file.read_text(encoding="utf-8") for file in sorted(TEMPLATES.glob("*.jinja"))}
    if (EMBEDDED / "tokenizer_config.json").exists():
        sources["embedded"] = json.loads((EMBEDDED / "tokenizer_config.json").read_text(encoding="utf-8"))["chat_template"]
    for name, source in sources.items():
        write_template_golden(name, source, FIXTURES / "golden")
    write_snippets_golden(FIXTURES / "golden")


if __name__ == "__main__":
    main()
