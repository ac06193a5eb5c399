import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { quantizationRecipes, quantizeCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ForwardDriver } from "../../../src/conformance/forward-driver.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { createTfjsExecutor } from "../../../src/executors/tfjs/index.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { openQuantized, quantizedNames, readQuantizedGolden } from "../support/golden.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { PlainMemory } from "../../support/plain-memory.ts";

const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);
const tokens = [1, 17, 5, 80, 11, 12, 3, 7, 66, 31, 2, 44];

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-tfjs-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function logitsOf(model: ExecutorModel, tokenIds: readonly number[]): Promise<Float32Array> {
  await using executor = await createTfjsExecutor({
    model,
    memory: new PlainMemory(),
    maxSequences: 1,
    contextTokens: 64,
    runtime: "wasm",
  });
  const [row] = await new ForwardDriver(executor).runAlone([{ startPosition: 0, tokenIds }]);
  return row!;
}

test.each(["int8", "int4"] as const)("computes with what weights of %s stand for", async (mode) => {
  await using random = await createRandomCheckpoint({ ...tinyConfig, hasTiedEmbeddings: mode === "int4" }, 7);
  const planned = await quantizeCheckpoint(
    { ...random.model, directory },
    {
      ...quantizationRecipes[mode],
      directory,
    },
  );
  await planned.prepare({ threadCount: 1, workerUrl });
  const model = { ...random.model, config: planned.config, weights: planned.weights };
  const dense = await dequantize(model, path.join(directory, `${mode}.bin`));
  const found = await logitsOf(model, tokens);
  expect(difference(found, await logitsOf(dense, tokens))).toBeLessThan(1e-5);
  expect(difference(found, await logitsOf(random.model, tokens))).toBeGreaterThan(1e-4);
});

test.each(quantizedNames)("computes what transformers does with %s", async (name) => {
  const stored = await openQuantized(name);
  await expect(logitsOf(stored, tokens)).rejects.toMatchObject({ code: "UNSUPPORTED_MODEL" });
  const planned = await quantizeCheckpoint({ ...stored, directory }, { quantization: undefined, directory });
  await planned.prepare({ threadCount: 1, workerUrl });
  const model = { ...stored, config: planned.config, weights: planned.weights };
  for (const { tokens: tokenIds, logits } of readQuantizedGolden(name)) {
    expect(difference(await logitsOf(model, tokenIds), logits)).toBeLessThan(1e-3);
  }
});
