// The steps about kernels and the executor, the most valuable first. `seconds`: timeout of a step.
import { measureDecodeAttention, measurePrefillAttention } from "./attention-steps.mjs";
import { measureCublas } from "./cublas-step.mjs";
import { checkStoredValues, loadModules, measureCopy, measureLaunches } from "./launch-steps.mjs";
import { measureEngine } from "./engine-step.mjs";
import { measureModel, measureModelByCublas } from "./model-step.mjs";
import { measureLlamaCpp, measureTorch } from "./peer-steps.mjs";
import { measureGemvMma } from "./gemv-mma-steps.mjs";
import { measureGemm, measureGemv } from "./product-steps.mjs";
import { serveOverHttp } from "./serve-step.mjs";
import { runTests, sanitize } from "./test-steps.mjs";

export const kernelSteps = [
  { name: "kernels: all modules are loaded", seconds: 60, run: loadModules },
  { name: "kernels: stored values", seconds: 60, run: checkStoredValues },
  { name: "kernels: like float64", seconds: 90, run: runTests(["kernels"]) },
  {
    name: "executor: families like transformers, and conformance",
    seconds: 120,
    run: runTests(["families.test.ts", "conformance.test.ts"]),
  },
  { name: "program: infernode serve streams over HTTP", seconds: 90, run: serveOverHttp },
  { name: "speed: copy on the device", seconds: 30, run: measureCopy },
  { name: "speed: launches and graphs", seconds: 30, run: measureLaunches },
  ...["bf16", "q4", "f16", "q8"].map((name) => ({
    name: `speed: gemv ${name}`,
    seconds: 60,
    run: measureGemv(name),
  })),
  ...["bf16", "q4", "f16", "q8"].map((name) => ({
    name: `speed: gemv of 16 bits, ${name}`,
    seconds: 60,
    run: measureGemvMma(name),
  })),
  ...["bf16", "q4", "f16", "q8"].map((name) => ({
    name: `speed: gemm ${name}`,
    seconds: 60,
    run: measureGemm(name),
  })),
  { name: "speed: gemm by cuBLASLt, bf16 and f16", seconds: 90, run: measureCublas },
  { name: "speed: decode attention", seconds: 60, run: measureDecodeAttention("bf16") },
  { name: "speed: prefill attention", seconds: 30, run: measurePrefillAttention("bf16") },
  { name: "speed: decode attention, pages of 8 bits", seconds: 60, run: measureDecodeAttention("i8") },
  { name: "speed: prefill attention, pages of 8 bits", seconds: 30, run: measurePrefillAttention("i8") },
  { name: "speed: steps of a model of 8B's shape", seconds: 120, run: measureModel },
  { name: "speed: prompts of a model of 8B's shape by cuBLASLt", seconds: 120, run: measureModelByCublas },
  { name: "speed: the engine, and its share of the host", seconds: 90, run: measureEngine },
  { name: "peer: PyTorch", seconds: 60, run: measureTorch },
  { name: "peer: node-llama-cpp", seconds: 60, run: measureLlamaCpp },
  {
    name: "executor: heads, adapters, weights in blocks, the engine",
    seconds: 60,
    run: runTests(["head-sizes.test.ts", "adapters.test.ts", "quantized-weights.test.ts", "engine.test.ts"]),
  },
  { name: "kernels: memcheck", seconds: 60, run: sanitize("memcheck") },
  { name: "kernels: racecheck", seconds: 60, run: sanitize("racecheck") },
];
