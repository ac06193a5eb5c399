"""Names what made a golden file."""

from __future__ import annotations

import platform
from importlib.metadata import version


def provenance(script: str) -> dict[str, str]:
    """Returns the script and the versions that decide its output."""
    packages = ("torch", "transformers", "tokenizers", "safetensors")
    return {"script": script, "python": platform.python_version(), **{name: version(name) for name in packages}}
