# The same products and copies with PyTorch, as JSON: python3 torch-reference.py [device] [tiny]
import json
import statistics
import sys
import time

try:
    import torch
except ImportError:
    print(json.dumps({"reason": "PyTorch is not installed for python3"}))
    sys.exit(0)

device = sys.argv[1] if len(sys.argv) > 1 else "cuda:0"
tiny = "tiny" in sys.argv
if device.startswith("cuda") and not torch.cuda.is_available():
    print(json.dumps({"reason": "PyTorch has no CUDA device here"}))
    sys.exit(0)


def wait():
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def measure(run, count, rounds=7):
    times = []
    for number in range(rounds + 1):
        wait()
        started = time.perf_counter()
        for index in range(count):
            run(index)
        wait()
        if number > 0:
            times.append((time.perf_counter() - started) / count)
    quartiles = statistics.quantiles(times, n=4)
    median = statistics.median(times)
    return median, (quartiles[2] - quartiles[0]) / median


figures = []


def note(what, value, unit, spread):
    figures.append({"what": what, "value": value, "unit": unit, "spread": spread})


def random(*shape):
    return torch.randn(*shape, device=device, dtype=torch.bfloat16)


def main():
    size = 256 if tiny else 8192
    a, b = random(size, size), random(size, size)
    seconds, spread = measure(lambda _: torch.mm(a, b.T), 1 if tiny else 8)
    note(f"bf16 product of {size} cubed", 2 * size**3 / seconds / 1e12, "TFLOP/s", spread)
    del a, b
    shapes = [(24, 256)] if tiny else [(4096, 4096), (28672, 4096), (4096, 14336)]
    for n, k in shapes:
        w = random(n, k)
        for rows in [40] if tiny else [512, 2048, 8192]:
            x = random(rows, k)
            seconds, spread = measure(lambda _: torch.mm(x, w.T), 1 if tiny else 8)
            note(f"gemm bf16 {n}×{k}, {rows} rows", 2 * rows * n * k / seconds / 1e12, "TFLOP/s", spread)
        copies = 2 if tiny else max(2, -(-(1 << 28) // (n * k * 2)))
        weights = [w] + [random(n, k) for _ in range(copies - 1)]
        for rows in [1, 2] if tiny else [1, 2, 4, 8]:
            x = random(rows, k)
            seconds, spread = measure(lambda i: torch.mm(x, weights[i % copies].T), 2 if tiny else 2 * copies)
            moved = n * k * 2 + rows * (n + k) * 2
            note(f"gemv bf16 {n}×{k}, {rows} row(s)", moved / seconds / 1e12, "TB/s", spread)
        del weights
    for length in [20] if tiny else [512, 2048, 8192]:
        q = random(1, 32, length, 128)
        k, v = (random(1, 8, length, 128).repeat_interleave(4, 1) for _ in range(2))
        attention = torch.nn.functional.scaled_dot_product_attention
        seconds, spread = measure(lambda _: attention(q, k, v, is_causal=True), 1 if tiny else 8)
        flops = 2 * 32 * 128 * length * (length + 1)
        note(f"prefill attention, {length} tokens", flops / seconds / 1e12, "TFLOP/s", spread)


with torch.inference_mode():
    main()
print(json.dumps({"version": torch.__version__, "figures": figures}))
