"""Measures a layer of experts on random weights: the runtime's MoE and QMoE against products of each expert's rows.

    python expert_operators.py --hidden 2048 --width 1024 --experts 32 --per-token 8 --block 32

Needs onnx and onnxruntime of the version in use. Prints medians and minima of milliseconds for 1, 8 and 128 tokens.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

CONTRIB = "com.microsoft"
SWIGLU = {"activation_type": "swiglu", "swiglu_fusion": 1, "activation_alpha": 1.0, "activation_beta": 0.0}


class Layer:
    """The nodes and weights of one graph."""

    def __init__(self, shape: argparse.Namespace) -> None:
        self.shape = shape
        self.random = np.random.default_rng(0)
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = shape.threads
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.kept: list[Any] = []

    def node(self, op: str, inputs: list[str], outputs: str | list[str], domain: str = "", **attributes: Any) -> str:
        names = [outputs] if isinstance(outputs, str) else outputs
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names[0]

    def small(self, name: str, value: Any) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def large(self, name: str, array: np.ndarray) -> str:
        value = onnxruntime.OrtValue.ortvalue_from_numpy(array)
        self.kept.append((array, value))
        self.options.add_initializer(name, value)
        tensor = onnx.TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", "weights"
        self.initializers.append(tensor)
        return name

    def floats(self, *shape: int) -> np.ndarray:
        return self.random.standard_normal(shape, dtype="f") / np.float32(np.sqrt(shape[-1]))

    def integers(self, *shape: int) -> np.ndarray:
        return self.random.integers(0, 256, (*shape[:-1], shape[-1] // 2), dtype="u1")

    def scales(self, *shape: int) -> np.ndarray:
        return (self.random.random((*shape[:-1], shape[-1] // self.shape.block), dtype="f") + np.float32(0.5)) / 200

    def operator(self, is_quantized: bool) -> None:
        """MoE or QMoE: all experts in two tensors, rows of gate and up taking turns."""
        hidden, width, experts = self.shape.hidden, self.shape.width, self.shape.experts
        first, second = (experts, 2 * width, hidden), (experts, hidden, width)
        attributes = {**SWIGLU, "k": self.shape.per_token, "normalize_routing_weights": 1}
        if not is_quantized:
            self.large("first", self.floats(*first))
            self.large("second", self.floats(*second))
            self.node("MoE", ["x", "logits", "first", "", "second"], "y", CONTRIB, **attributes)
            return
        for name, shape in (("first", first), ("second", second)):
            self.large(name, self.integers(*shape))
            self.large(f"{name}.scales", self.scales(*shape))
        inputs = ["x", "logits", "first", "first.scales", "", "second", "second.scales"]
        self.node("QMoE", inputs, "y", CONTRIB, **attributes, expert_weight_bits=4, block_size=self.shape.block)

    def products(self, is_quantized: bool) -> None:
        """The rows of all pairs of a token and an expert, sorted by expert, and three products for each expert."""
        hidden, width, experts, per_token = self.shape.hidden, self.shape.width, self.shape.experts, self.shape.per_token
        self.node("TopK", ["logits", self.small("per_token", [per_token])], ["scores", "chosen"], axis=-1)
        self.node("Softmax", ["scores"], "weights", axis=-1)
        self.node("Reshape", ["chosen", self.small("flat", [-1])], "pairs")
        self.node("Shape", ["pairs"], "pair_count")
        self.node("TopK", ["pairs", "pair_count"], ["sorted", "order"], largest=0, axis=0)
        self.node("OneHot", ["pairs", self.small("experts", [experts]), self.small("bits", [0, 1])], "is_sent")
        self.node("ReduceSum", ["is_sent", self.small("first_axis", [0])], "row_counts", keepdims=0)
        self.node("Gather", ["x", self.node("Div", ["order", "per_token"], "tokens")], "rows")
        self.node("Split", ["rows", "row_counts"], [f"rows.{each}" for each in range(experts)], axis=0)
        for expert in range(experts):
            gate = self.product(f"rows.{expert}", f"gate.{expert}", (width, hidden), is_quantized)
            up = self.product(f"rows.{expert}", f"up.{expert}", (width, hidden), is_quantized)
            active = self.node("QuickGelu", [gate], f"active.{expert}", CONTRIB, alpha=1.0)
            self.product(self.node("Mul", [active, up], f"inner.{expert}"), f"down.{expert}", (hidden, width), is_quantized)
        self.node("Concat", [f"down.{each}.out" for each in range(experts)], "outputs", axis=0)
        self.node("TopK", ["order", "pair_count"], ["ranks", "back"], largest=0, axis=0)
        self.node("Reshape", [self.node("Gather", ["outputs", "back"], "unsorted"), self.small("by_token", [-1, per_token, hidden])], "of_tokens")
        self.node("Reshape", ["weights", self.small("as_rows", [-1, 1, per_token])], "weight_rows")
        self.node("Reshape", [self.node("MatMul", ["weight_rows", "of_tokens"], "sums"), self.small("result", [-1, hidden])], "y")

    def product(self, x: str, name: str, shape: tuple[int, int], is_quantized: bool) -> str:
        rows, columns = shape
        if not is_quantized:
            return self.node("Gemm", [x, self.large(name, self.floats(*shape))], f"{name}.out", transB=1)
        block = self.shape.block
        weight = self.large(name, self.integers(rows, columns // block, block))
        scales = self.large(f"{name}.scales", self.scales(*shape))
        return self.node("MatMulNBits", [x, weight, scales], f"{name}.out", CONTRIB, K=columns, N=rows, bits=4, block_size=block, accuracy_level=4)

    def measure(self, title: str) -> None:
        hidden, experts = self.shape.hidden, self.shape.experts
        inputs = [helper.make_tensor_value_info(name, 1, ["tokens", width]) for name, width in (("x", hidden), ("logits", experts))]
        outputs = [helper.make_tensor_value_info("y", 1, ["tokens", hidden])]
        graph = helper.make_graph(self.nodes, "layer", inputs, outputs, initializer=self.initializers)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "layer.onnx"
            path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
            (Path(folder) / "weights").touch()
            started = time.perf_counter()
            session = onnxruntime.InferenceSession(str(path), self.options, providers=["CPUExecutionProvider"])
        print(f"{title}: loaded in {time.perf_counter() - started:.2f} s", end="", flush=True)
        for tokens in (1, 8, 128):
            times = []
            for _ in range(5 if tokens == 128 else 25):
                feeds = {"x": self.random.standard_normal((tokens, hidden), dtype="f"), "logits": self.random.standard_normal((tokens, experts), dtype="f")}
                started = time.perf_counter()
                session.run(None, feeds)
                times.append(1000 * (time.perf_counter() - started))
            print(f" | {tokens}: {np.median(times):.2f} ({min(times):.2f})", end="", flush=True)
        print(" ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"hidden": 2048, "width": 1024, "experts": 32, "per-token": 8, "block": 32, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    shape = parser.parse_args()
    for kind, is_quantized in (("int4", True), ("float32", False)):
        for name, build in (("products", Layer.products), ("operator", Layer.operator)):
            layer = Layer(shape)
            build(layer, is_quantized)
            layer.measure(f"{kind}, {name}")


if __name__ == "__main__":
    main()
