"""What blocks of GGUF stand for, by the `gguf` package: random blocks of each type and their numbers.

python gguf_blocks_golden.py > ../../test/fixtures/golden/gguf-blocks.json
"""

from __future__ import annotations

import base64
import json
import sys
from importlib.metadata import version

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

BLOCKS = 3
# Where the 16-bit numbers of a block are: random bits there could be infinite.
HALVES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "MXFP4": [],
}
# Of MXFP4: the two smallest, and an ordinary one. What the largest one means is no number.
EXPONENTS = [0, 1, 120]


def main() -> None:
    rng = np.random.default_rng(20)
    types = {}
    for name, halves in HALVES.items():
        kind = GGMLQuantizationType[name]
        _, size = GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in halves:
            numbers = rng.normal(0, 0.1, BLOCKS).astype(np.float16)
            blocks[:, at : at + 2] = numbers.view(np.uint8).reshape(BLOCKS, 2)
        if name == "MXFP4":
            blocks[:, 0] = EXPONENTS
        values = dequantize(blocks.reshape(-1), kind).astype("<f4")
        types[name] = {
            "blocks": base64.b64encode(blocks.tobytes()).decode(),
            "values": base64.b64encode(values.tobytes()).decode(),
        }
    golden = {"madeBy": {"script": "tools/reference/gguf_blocks_golden.py", "gguf": version("gguf")}, "types": types}
    json.dump(golden, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
