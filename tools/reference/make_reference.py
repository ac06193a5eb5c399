"""Makes the golden values under test/fixtures with PyTorch and transformers.

Usage: python make_reference.py [checkpoints|tokenizers|templates ...] [--only NAME]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import transformers

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
TOPICS = ("checkpoints", "tokenizers", "templates")


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


def _make_checkpoints(only: str | None) -> None:
    from checkpoint_specs import checkpoint_specs
    from checkpoints import write_checkpoint

    for spec in checkpoint_specs():
        if only is None or spec.name == only:
            write_checkpoint(spec, FIXTURES)


if __name__ == "__main__":
    main()
