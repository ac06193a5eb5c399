"""OpenVINO as a peer: builds a decoder with 4-bit weights (groups of 128) from a Hugging Face directory, keeps it as IR,
and answers requests: a line of JSON each on standard input, answers on file descriptor 3."""

import json
import math
import os
import sys
import time

import numpy as np
import openvino as ov
from openvino import opset15 as ops
from openvino.op.util import Variable, VariableInfo

GROUP = 128


def read_safetensors(path):
    """The tensors of a file as float32, by name; BF16 only."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)

    def read(name):
        info = header[name]
        start, end = info["data_offsets"]
        halves = data[start:end].view(np.uint16).astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(info["shape"])

    return read


def quantized(weight):
    """A matrix as 4-bit numbers with a scale for each group, in the graph that the CPU plug-in computes as such."""
    rows, columns = weight.shape
    groups = weight.reshape(rows, columns // GROUP, GROUP)
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(-1, keepdims=True), -1)
    scales = (extreme / -8).astype(np.float16)
    divisors = np.where(scales == 0, 1, scales).astype(np.float32)
    numbers = np.clip(np.rint(groups / divisors), -8, 7).astype(np.int8).reshape(-1, 2).view(np.uint8)
    packed = ((numbers[:, 0] & 15) | (numbers[:, 1] << 4)).astype(np.uint8)
    tensor = ov.Tensor(packed, ov.Shape([rows, columns // GROUP, GROUP]), ov.Type.i4)
    values = ops.convert(ov.op.Constant(tensor, shared_memory=False), ov.Type.f16)
    scaled = ops.multiply(values, ops.constant(scales))
    flat = ops.reshape(scaled, ops.constant(np.array([rows, columns], np.int64)), False)
    return ops.convert(flat, ov.Type.f32)


def build(directory):
    with open(os.path.join(directory, "config.json"), encoding="utf8") as file:
        config = json.load(file)
    read = read_safetensors(os.path.join(directory, "model.safetensors"))
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim, epsilon = config["head_dim"], config["rms_norm_eps"]

    token_ids = ops.parameter([-1, -1], ov.Type.i64, "input_ids")
    positions = ops.parameter([-1, -1], ov.Type.i64, "position_ids")
    beams = ops.parameter([-1], ov.Type.i32, "beam_idx")
    sinks = []

    def integers(*values):
        return ops.constant(np.array(values, np.int64))

    def number(value):
        return ops.constant(np.array(value, np.float32))

    def norm(x, name):
        mean = ops.reduce_mean(ops.power(x, number(2)), integers(-1), True)
        return ops.multiply(ops.multiply(x, ops.divide(number(1), ops.sqrt(ops.add(mean, number(epsilon))))), ops.constant(read(name)))

    def linear(x, name):
        product = ops.matmul(x, quantized(read(f"{name}.weight")), False, True)
        has_bias = config["model_type"] == "qwen2" and name.endswith(("q_proj", "k_proj", "v_proj"))
        return ops.add(product, ops.constant(read(f"{name}.bias"))) if has_bias else product

    frequencies = 1.0 / config["rope_theta"] ** (np.arange(0, head_dim, 2, dtype=np.float32) / head_dim)
    angles = ops.multiply(
        ops.convert(ops.unsqueeze(positions, integers(-1)), ov.Type.f32),
        ops.constant(frequencies.reshape(1, 1, -1)),
    )
    angles = ops.unsqueeze(ops.concat([angles, angles], -1), integers(1))
    cos, sin = ops.cos(angles), ops.sin(angles)

    def rotate(x):
        halves = ops.variadic_split(x, integers(-1), integers(head_dim // 2, head_dim // 2))
        turned = ops.concat([ops.multiply(halves.output(1), number(-1)), halves.output(0)], -1)
        return ops.add(ops.multiply(x, cos), ops.multiply(turned, sin))

    def split_heads(x, count):
        shaped = ops.reshape(x, integers(0, 0, count, head_dim), True)
        return ops.transpose(shaped, integers(0, 2, 1, 3))

    def cached(x, name):
        info = VariableInfo()
        info.data_shape = ov.PartialShape([-1, kv_heads, -1, head_dim])
        info.data_type = ov.Type.f32
        info.variable_id = name
        variable = Variable(info)
        batch = ops.gather(ops.shape_of(token_ids), integers(0), integers(0))
        empty = ops.broadcast(number(0), ops.concat([batch, integers(kv_heads, 0, head_dim)], 0))
        past = ops.gather(ops.read_value(empty, variable), beams, integers(0))
        present = ops.concat([past, x], 2)
        sinks.append(ops.assign(present, variable))
        return present

    def repeat(x):
        # The way in which the plug-in recognizes grouped queries, so that it computes them in one kernel.
        if heads == kv_heads:
            return x
        ones = ops.constant(np.ones((1, 1, heads // kv_heads, 1, 1), np.float32))
        wide = ops.multiply(ops.unsqueeze(x, integers(2)), ones)
        return ops.reshape(wide, integers(0, heads, -1, head_dim), True)

    embedding = ops.constant(read("model.embed_tokens.weight").astype(np.float16))
    x = ops.convert(ops.gather(embedding, token_ids, integers(0)), ov.Type.f32)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        normed = norm(x, f"{prefix}.input_layernorm.weight")
        q = rotate(split_heads(linear(normed, f"{prefix}.self_attn.q_proj"), heads))
        k = rotate(split_heads(linear(normed, f"{prefix}.self_attn.k_proj"), kv_heads))
        v = split_heads(linear(normed, f"{prefix}.self_attn.v_proj"), kv_heads)
        k = repeat(cached(k, f"past.{layer}.key"))
        v = repeat(cached(v, f"past.{layer}.value"))
        attended = ops.transpose(ops.scaled_dot_product_attention(q, k, v, causal=True), integers(0, 2, 1, 3))
        attended = ops.reshape(attended, integers(0, 0, heads * head_dim), True)
        x = ops.add(x, linear(attended, f"{prefix}.self_attn.o_proj"))
        normed = norm(x, f"{prefix}.post_attention_layernorm.weight")
        gated = ops.multiply(ops.swish(linear(normed, f"{prefix}.mlp.gate_proj")), linear(normed, f"{prefix}.mlp.up_proj"))
        x = ops.add(x, linear(gated, f"{prefix}.mlp.down_proj"))
    last = ops.slice(norm(x, "model.norm.weight"), integers(-1), integers(2**31), integers(1), integers(1))
    head = "model.embed_tokens" if config["tie_word_embeddings"] else "lm_head"
    logits = ops.matmul(last, quantized(read(f"{head}.weight")), False, True)
    logits.output(0).set_names({"logits"})
    for parameter, name in ((token_ids, "input_ids"), (positions, "position_ids"), (beams, "beam_idx")):
        parameter.output(0).set_names({name})
    return ov.Model([ops.result(logits)], sinks, [token_ids, positions, beams], "decoder")


class Decoder:
    def __init__(self, setup):
        path = f"{setup['directory']}.openvino.xml"
        if not os.path.exists(path):
            partial = f"{setup['directory']}.openvino.partial.xml"
            ov.save_model(build(setup["directory"]), partial, compress_to_fp16=False)
            os.rename(partial.replace(".xml", ".bin"), path.replace(".xml", ".bin"))
            os.rename(partial, path)
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            # Faster than bfloat16 at decode, and as fast at prompts: products are in 8 bits.
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": setup["threads"],
            "KV_CACHE_PRECISION": "u8",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "128",
        }
        self.request = ov.Core().compile_model(path, "CPU", settings).create_infer_request()

    def forward(self, token_ids, position):
        count, length = token_ids.shape
        positions = np.tile(np.arange(position, position + length, dtype=np.int64), (count, 1))
        beams = np.arange(count, dtype=np.int32)
        outputs = self.request.infer({"input_ids": token_ids, "position_ids": positions, "beam_idx": beams})
        return outputs[0][:, -1, :]

    def generate(self, prompts, token_count):
        """Prompts of one length, as a batch."""
        started_at = time.perf_counter()
        self.request.reset_state()
        current = np.array(prompts, np.int64)
        position, tokens, times = 0, [], []
        for _ in range(token_count):
            logits = self.forward(current, position)
            position += current.shape[1]
            current = logits.argmax(-1).astype(np.int64)[:, None]
            tokens.append(current[:, 0])
            times.append(time.perf_counter())
        answer = {
            "firstTokensMs": (times[0] - started_at) * 1000,
            "tokenIds": np.stack(tokens, 1).tolist(),
        }
        if token_count > 1:
            count = (token_count - 1) * len(prompts)
            answer["decodeTokensPerSecond"] = count / (times[-1] - times[0])
        return answer

    def rank(self, prompt, count):
        self.request.reset_state()
        logits = self.forward(np.array([prompt], np.int64), 0)[0].astype(np.float64)
        total = logits.max() + math.log(np.exp(logits - logits.max()).sum())
        ids = np.argsort(-logits)[:count]
        return [{"tokenId": int(each), "logprob": float(logits[each] - total)} for each in ids]


def peak_bytes():
    with open("/proc/self/status", encoding="utf8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def main():
    answers = os.fdopen(3, "w", buffering=1)
    decoder = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "open":
                decoder = Decoder(request["setup"])
                answer = {"description": f"OpenVINO {ov.__version__}, 4 bits in groups of {GROUP}, KV cache u8"}
            elif request["op"] == "generate":
                answer = decoder.generate(request["prompts"], request["tokenCount"])
            elif request["op"] == "rank":
                answer = {"ranked": decoder.rank(request["prompt"], request["count"])}
            else:
                answer = {"peakBytes": peak_bytes()}
        except Exception as error:  # the harness shows it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


main()
