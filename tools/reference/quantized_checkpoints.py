"""Tiny checkpoints of GPTQ, AWQ and compressed-tensors, the integers in their words, and the logits of their numbers.

    pip install compressed-tensors==0.20.1
    pip download --no-deps --no-binary :all: gptqmodel==7.7.0 autoawq==0.2.9   # and unpack both into SOURCES
    python quantized_checkpoints.py SOURCES

The quantizer here rounds to nearest. The words of compressed-tensors are those of the package itself; the words of
GPTQ and AWQ are packed here, and the unpacking functions of gptqmodel and autoawq (taken out of their sources, which
need CUDA to be installed) have to return the same integers. Logits are those of transformers in float32 with the
dequantized weights.
"""

from __future__ import annotations

import ast
import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from compressed_tensors.compressors.pack_quantized import pack_to_int32, unpack_from_int32
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from checkpoint_specs import VOCAB_SIZE, _llama, _qwen2, _qwen3
from random_weights import randomize
from versions import provenance

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]
PROMPTS = [[7, 100, 33, 250, 12, 5], [300, 4, 4, 81], list(range(20, 60))]


@dataclass(frozen=True)
class Quantized:
    """Integers `q` of a weight, `(rows, columns)`, their scales and zero points, `(rows, groups)`, and the groups."""

    q: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor
    groups: torch.Tensor

    def values(self) -> torch.Tensor:
        return self.scales.float()[:, self.groups] * (self.q - self.zeros[:, self.groups]).float()


@dataclass(frozen=True)
class Method:
    """How a checkpoint is quantized."""

    kind: str
    bits: int = 4
    group_size: int = 32
    symmetric: bool = True
    act_order: bool = False
    scale_dtype: torch.dtype = torch.float16


def quantize(weight: torch.Tensor, method: Method, groups: torch.Tensor) -> Quantized:
    """Rounds to nearest, with the extremes of each group at the ends of the range."""
    top = 2**method.bits - 1
    count = int(groups.max()) + 1
    scales = torch.empty(weight.shape[0], count)
    zeros = torch.empty(weight.shape[0], count, dtype=torch.int32)
    for group in range(count):
        part = weight[:, groups == group]
        if method.symmetric:
            scales[:, group] = 2 * part.abs().amax(1) / top
            zeros[:, group] = (top + 1) // 2
        else:
            low, high = part.amin(1).clamp(max=0), part.amax(1).clamp(min=0)
            scales[:, group] = (high - low) / top
            # A zero point of 0 cannot be stored minus one.
            zeros[:, group] = (-low / scales[:, group]).round().clamp(1, top).to(torch.int32)
    scales = scales.to(method.scale_dtype)
    exact = scales.float()[:, groups]
    q = ((weight / exact).round() + zeros[:, groups]).clamp(0, top).to(torch.int32)
    return Quantized(q, scales, zeros, groups)


def words_of(stream: torch.Tensor, bits: int) -> torch.Tensor:
    """Packs each row as one stream of bits, the first integer in the lowest ones."""
    rows, length = stream.shape
    words = torch.zeros(rows, -(-length * bits // 32), dtype=torch.int64)
    for index in range(length):
        word, shift = divmod(index * bits, 32)
        value = stream[:, index].to(torch.int64)
        words[:, word] |= (value << shift) & 0xFFFFFFFF
        if shift + bits > 32:
            words[:, word + 1] |= value >> (32 - shift)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


def pack(name: str, quantized: Quantized, method: Method, sources: Sources) -> dict[str, torch.Tensor]:
    """The tensors of one module."""
    q, scales, zeros, groups = quantized.q, quantized.scales, quantized.zeros, quantized.groups
    bits = method.bits
    if method.kind in ("gptq", "gptq_v2"):
        stored = (zeros - 1 if method.kind == "gptq" else zeros) & (2**bits - 1)
        qweight, qzeros = words_of(q, bits).T.contiguous(), words_of(stored.T.contiguous(), bits)
        assert torch.equal(sources.unpack_rows(qweight, bits), q.T), name
        assert torch.equal(sources.unpack_cols(qzeros, bits), stored.T), name
        return {
            f"{name}.qweight": qweight,
            f"{name}.qzeros": qzeros,
            f"{name}.scales": scales.T.contiguous(),
            f"{name}.g_idx": groups.to(torch.int32),
        }
    if method.kind == "awq":
        order = torch.tensor(AWQ_ORDER)
        shuffled = [x.T.reshape(x.shape[1], -1, 8)[:, :, order].reshape(x.shape[1], -1) for x in (q, zeros)]
        qweight, qzeros = (words_of(x, bits) for x in shuffled)
        found = sources.reverse_awq_order(*sources.unpack_awq(qweight, qzeros, bits), bits)
        assert torch.equal(found[0] & 15, q.T) and torch.equal(found[1] & 15, zeros.T), name
        return {f"{name}.qweight": qweight, f"{name}.qzeros": qzeros, f"{name}.scales": scales.T.contiguous()}
    middle = 2 ** (bits - 1)
    signed = (q - middle).to(torch.int8)
    packed = pack_to_int32(signed, bits)
    assert torch.equal(unpack_from_int32(packed, bits, signed.shape), signed), name
    tensors = {
        f"{name}.weight_packed": packed,
        f"{name}.weight_scale": scales.contiguous(),
        f"{name}.weight_shape": torch.tensor(q.shape),
    }
    if not method.symmetric:
        tensors[f"{name}.weight_zero_point"] = pack_to_int32((zeros - middle).to(torch.int8), bits, packed_dim=0)
    if method.act_order:
        tensors[f"{name}.weight_g_idx"] = groups.to(torch.int32)
    return tensors


class Sources:
    """Functions of the programs that write these formats."""

    def __init__(self, folder: Path) -> None:
        wanted = {
            "gptqmodel-7.7.0/gptqmodel/utils/model_dequant.py": (
                "unpack_rows", "unpack_cols", "_unpack_rows_3bit", "_unpack_cols_3bit", "_require_int32_words_for_3bit"
            ),
            "autoawq-0.2.9/awq/utils/packing_utils.py": ("unpack_awq", "reverse_awq_order"),
        }
        scope: dict[str, Any] = {"torch": torch, "PLANAR_BITS": (), "AWQ_REVERSE_ORDER": [0, 4, 1, 5, 2, 6, 3, 7]}
        for file, names in wanted.items():
            tree = ast.parse((folder / file).read_text(encoding="utf-8"))
            body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
            exec(compile(ast.Module(body, []), file, "exec"), scope)  # noqa: S102
        self.unpack_rows = scope["unpack_rows"]
        self.unpack_cols = scope["unpack_cols"]
        self.unpack_awq = scope["unpack_awq"]
        self.reverse_awq_order = scope["reverse_awq_order"]


def groups_of(columns: int, method: Method, generator: torch.Generator) -> torch.Tensor:
    size = columns if method.group_size == -1 else method.group_size
    groups = torch.arange(columns) // size
    return groups[torch.randperm(columns, generator=generator)] if method.act_order else groups


def write_words(sources: Sources) -> None:
    """Small matrices of every layout, with the integers that they stand for."""
    generator = torch.Generator().manual_seed(5)
    methods = [
        *(Method(kind, bits, 16, symmetric=False) for kind in ("gptq", "gptq_v2") for bits in (2, 3, 4, 8)),
        Method("gptq", 4, 32, act_order=True),
        Method("awq", 4, 32, symmetric=False),
        Method("compressed-tensors", 4, 32),
        Method("compressed-tensors", 4, 16, symmetric=False, scale_dtype=torch.bfloat16),
        Method("compressed-tensors", 8, -1, symmetric=False, scale_dtype=torch.float32),
    ]
    cases = []
    for method in methods:
        weight = torch.randn(32, 64, generator=generator)
        quantized = quantize(weight, method, groups_of(64, method, generator))
        tensors = pack("m", quantized, method, sources)
        cases.append(
            {
                "config": config_of(method),
                "tensors": {name.removeprefix("m."): encoded(tensor) for name, tensor in tensors.items()},
                "values": encoded(quantized.values()),
            }
        )
    write_json(FIXTURES / "golden" / "quantized-words.json", {"madeBy": provenance("tools/reference/quantized_checkpoints.py"), "cases": cases})


NAMES = {torch.int32: "I32", torch.int64: "I64", torch.int16: "I16", torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}


def encoded(tensor: torch.Tensor) -> dict[str, Any]:
    data = base64.b64encode(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).decode()
    return {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data": data}


def config_of(method: Method) -> dict[str, Any]:
    """`quantization_config`, as the programs write it."""
    if method.kind.startswith("gptq"):
        return {
            "bits": method.bits,
            "checkpoint_format": method.kind,
            "desc_act": method.act_order,
            "group_size": method.group_size,
            "lm_head": False,
            "pack_dtype": "int32",
            "quant_method": "gptq",
            "sym": method.symmetric,
        }
    if method.kind == "awq":
        return {
            "bits": method.bits,
            "group_size": method.group_size,
            "modules_to_not_convert": ["lm_head"],
            "quant_method": "awq",
            "version": "gemm",
            "zero_point": True,
        }
    weights = {
        "actorder": "group" if method.act_order else None,
        "dynamic": False,
        "group_size": None if method.group_size == -1 else method.group_size,
        "num_bits": method.bits,
        "strategy": "channel" if method.group_size == -1 else "group",
        "symmetric": method.symmetric,
        "type": "int",
    }
    return {
        "config_groups": {"group_0": {"input_activations": None, "output_activations": None, "targets": ["Linear"], "weights": weights}},
        "format": "pack-quantized",
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
        "quant_method": "compressed-tensors",
        "quantization_status": "compressed",
    }


CHECKPOINTS = {
    "gptq-act-order": (_llama(intermediate_size=64, torch_dtype="float16"), Method("gptq", 4, 32, act_order=True)),
    "gptq-v2-8bit": (_qwen2(intermediate_size=64, torch_dtype="float16", num_hidden_layers=1), Method("gptq_v2", 8, -1, symmetric=False)),
    "awq": (_llama(hidden_size=128, intermediate_size=128, tie_word_embeddings=True, torch_dtype="float16", num_hidden_layers=1), Method("awq", 4, 128, symmetric=False)),
    "compressed-tensors": (_qwen3(head_dim=16, intermediate_size=64, torch_dtype="bfloat16"), Method("compressed-tensors", 4, 32, symmetric=False, act_order=True, scale_dtype=torch.bfloat16)),
}


@torch.no_grad()
def write_checkpoint(name: str, sources: Sources) -> None:
    config, method = CHECKPOINTS[name]
    folder = FIXTURES / "quantized" / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", config)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32, attn_implementation="eager").eval()
    randomize(model, 1)
    generator = torch.Generator().manual_seed(2)
    dtype = {"float16": torch.float16, "bfloat16": torch.bfloat16}[config["torch_dtype"]]
    tensors: dict[str, torch.Tensor] = {}
    orders: dict[str, torch.Tensor] = {}
    for full_name, parameter in model.named_parameters():
        module = full_name.removesuffix(".weight")
        if not module.endswith("_proj"):
            tensors[full_name] = parameter.detach().to(dtype).contiguous()
            parameter.copy_(tensors[full_name].float())
            continue
        # Modules with the same inputs are quantized in the same order.
        inputs = module.replace("k_proj", "q_proj").replace("v_proj", "q_proj").replace("up_proj", "gate_proj")
        if inputs not in orders:
            orders[inputs] = groups_of(parameter.shape[1], method, generator)
        quantized = quantize(parameter.detach(), method, orders[inputs])
        parameter.copy_(quantized.values())
        tensors |= pack(module, quantized, method, sources)
    settings = config_of(method)
    if method.kind == "gptq_v2":
        write_json(folder / "quantize_config.json", settings)
    else:
        write_json(folder / "config.json", {**config, "quantization_config": settings})
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    golden = [{"tokens": prompt, "logits": encoded(model(torch.tensor([prompt]), use_cache=False).logits[0, -1])} for prompt in PROMPTS]
    write_json(folder / "golden.json", {"madeBy": provenance("tools/reference/quantized_checkpoints.py"), "vocabSize": VOCAB_SIZE, "prompts": golden})


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    sources = Sources(Path(sys.argv[1]))
    write_words(sources)
    for name in CHECKPOINTS:
        write_checkpoint(name, sources)


if __name__ == "__main__":
    main()
