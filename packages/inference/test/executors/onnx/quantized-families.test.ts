import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { quantizeCheckpoint } from "@infernode/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { supportedFamilies } from "../../../../models/src/families/registry.ts";
import { ForwardDriver } from "../../../src/conformance/forward-driver.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { createOnnxExecutor, planOnnxMemory } from "../../../src/executors/onnx/index.ts";
import { PlainMemory } from "../../support/plain-memory.ts";
import { dequantize, difference } from "../support/dequantize.ts";
import { firstsOfFamilies, goldenNames, openGolden, readGolden } from "../support/golden.ts";

const workerUrl: URL = new URL(
  "../../../../models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);
const modes = [
  ["int8 in rows", { bits: 8, blockSize: "row" }],
  ["int4 in blocks of 32", { bits: 4, blockSize: 32 }],
] as const;
const promptTokens = 16;

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "infernode-families-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("has a checkpoint of every family", async () => {
  const models = await Promise.all(goldenNames().map(openGolden));
  const found = new Set(models.map(({ config }) => config.family));
  expect(supportedFamilies.filter((family) => !found.has(family))).toEqual([]);
});

/** Parts of the prompts of a checkpoint, several of each. */
function promptsOf(name: string): readonly (readonly number[])[] {
  return readGolden(name).flatMap(({ tokenIds }) =>
    Array.from({ length: Math.min(2, tokenIds.length) }, (_, start) =>
      tokenIds.slice(start, start + promptTokens),
    ),
  );
}

async function open(model: ExecutorModel): Promise<ForwardDriver> {
  const memory = new PlainMemory();
  const contextTokens = Math.min(64, model.config.contextTokens);
  return new ForwardDriver(
    await createOnnxExecutor({ model, memory, maxSequences: 1, contextTokens, threads: 1 }),
  );
}

/** Logits after the last token of a prompt in parts of so many tokens. */
async function logitsOf(
  driver: ForwardDriver,
  prompt: readonly number[],
  length: number,
): Promise<Float32Array> {
  const starts = Array.from({ length: Math.ceil(prompt.length / length) }, (_, part) => part * length);
  const rows = await driver.runAlone(
    starts.map((start) => ({ startPosition: start, tokenIds: prompt.slice(start, start + length) })),
  );
  return rows.at(-1) ?? new Float32Array();
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;

const firsts = await firstsOfFamilies();

describe.each(goldenNames())("%s", (name) => {
  // Activations of 8 bits: a network of random weights makes much of them where attention is sharp, such as by the factor
  // of longrope (phi4-mini), and where they send a token to another expert; so a median of many prompts.
  test.each(firsts.has(name) ? modes : modes.slice(0, 1))(
    "%s, computes what its blocks stand for, whole and in parts",
    async (mode, quantization) => {
      const stored = await openGolden(name);
      const title = `${name}, ${mode}`;
      const plan = await quantizeCheckpoint({ ...stored, directory: title }, { quantization, directory });
      await plan.prepare({ threadCount: 1, workerUrl });
      const model = { ...stored, ...plan };
      const dense = await dequantize(model, path.join(directory, `${title}.f32`));
      const [quantized, exact] = [await open(model), await open(dense)];
      const differences: number[] = [];
      const ofParts: number[] = [];
      for (const prompt of promptsOf(name)) {
        const whole = await logitsOf(quantized, prompt, promptTokens);
        differences.push(difference(whole, await logitsOf(exact, prompt, promptTokens)));
        ofParts.push(difference(await logitsOf(quantized, prompt, 5), whole));
        ofParts.push(difference(await logitsOf(quantized, prompt, 1), whole));
      }
      await Promise.all([quantized.executor.dispose(), exact.executor.dispose()]);
      expect(differences).toHaveLength(7);
      expect(median(differences)).toBeLessThan(0.03 * model.config.layerCount);
      expect(median(ofParts)).toBeLessThan(0.02);
      const sizes = { maxSequences: 1, contextTokens: 64 };
      expect(planOnnxMemory(model, sizes).weightsBytes).toBeLessThan(
        planOnnxMemory(dense, sizes).weightsBytes,
      );
    },
  );
});
