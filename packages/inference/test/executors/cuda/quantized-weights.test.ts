import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openCheckpoint, quantizeCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeRandomGguf } from "../../../../models/test/support/random-gguf.ts";
import { createCudaExecutor, planCudaMemory } from "../../../src/executors/cuda/index.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { openGolden, openQuantized, quantizedNames, readQuantizedGolden } from "../support/golden.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);
const tokens = [1, 17, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44];
const tolerance = 1e-4;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-cuda-quantized-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const int4 = (blockSize: number) => ({ bits: 4, blockSize }) as const;
const int8 = <Size extends number | "row">(blockSize: Size) => ({ bits: 8, blockSize }) as const;

async function openRandomGguf(embedding: "Q4_K" | "Q8_0"): Promise<ExecutorModel> {
  const file = path.join(directory, `tied-${embedding}.gguf`);
  const layers = [
    { q: "Q4_1", k: "Q4_0", v: "Q5_1", output: "Q8_0", gate: "Q4_K", up: "Q5_K", down: "Q2_K" },
    { q: "Q3_K", k: "IQ4_NL", v: "Q6_K", output: "Q5_0", gate: "IQ4_XS", up: "MXFP4", down: "Q6_K" },
  ] as const;
  await writeFile(file, encodeRandomGguf({ embedding, layers }, 3));
  const { config, architecture, weights } = await openCheckpoint(file);
  await weights.close();
  return { name: "tied", config, architecture, weights };
}

describeOnDevice("quantized weights on a CUDA device", (openPool) => {
  const logitsOf = async (model: ExecutorModel, tokenIds: readonly number[]): Promise<Float32Array> => {
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 1,
      contextTokens: 64,
      kvCacheDtype: "float32",
      productPrecision: "float32",
    });
    const whole = tokenIds.slice(0, -2);
    await runPages(executor, [{ sequence: 0, startPosition: 0, tokenIds: whole }]);
    const rest = tokenIds.slice(-2);
    for (const [at, tokenId] of rest.entries()) {
      const chunk = { sequence: 0, startPosition: whole.length + at, tokenIds: [tokenId] };
      const [row] = await runPages(executor, [chunk]);
      if (at === rest.length - 1 && row !== undefined) return row;
    }
    return new Float32Array();
  };

  test.each([
    ["llama2, int4 in blocks of 32", int4(32), () => openGolden("llama2")],
    ["qwen3, int8 in blocks of 128", int8(128), () => openGolden("qwen3")],
    ["llama3, int8 in rows", int8("row"), () => openGolden("llama3")],
    // Rows of 48 are no multiple of 32.
    ["cohere, int8 in rows, or blocks of 32 where they are odd", int8("row"), () => openGolden("cohere")],
    ["gpt2-untied, int4 in blocks of 32", int4(32), () => openGolden("gpt2-untied")],
    ["qwen3-moe, int8 in blocks of 32", int8(32), () => openGolden("qwen3-moe")],
    ["olmoe, int8 in rows", int8("row"), () => openGolden("olmoe")],
    ["GGUF, with minima", undefined, () => openRandomGguf("Q4_K")],
    ["GGUF, tokens of 8 bits", undefined, () => openRandomGguf("Q8_0")],
  ] as const)("%s: computes what its blocks stand for", async (title, quantization, open) => {
    const stored = await open();
    const quantized = await quantizeCheckpoint({ ...stored, directory: title }, { quantization, directory });
    await quantized.prepare({ threadCount: 1, workerUrl });
    const model = { ...stored, ...quantized };
    const dense = await dequantize(model, path.join(directory, `${title}.f32`));
    const sizes = { maxSequences: 1, contextTokens: 64 };
    expect(planCudaMemory(model, sizes).weightsBytes).toBeLessThan(planCudaMemory(dense, sizes).weightsBytes);
    expect(difference(await logitsOf(model, tokens), await logitsOf(dense, tokens))).toBeLessThan(tolerance);
  });

  test.each(quantizedNames)("%s: like transformers", async (name) => {
    const stored = await openQuantized(name);
    const quantized = await quantizeCheckpoint(
      { ...stored, directory: name },
      { quantization: undefined, directory },
    );
    await quantized.prepare({ threadCount: 1, workerUrl });
    for (const { tokens: prompt, logits } of readQuantizedGolden(name)) {
      expect(difference(await logitsOf({ ...stored, ...quantized }, prompt), logits)).toBeLessThan(tolerance);
    }
  });
});
