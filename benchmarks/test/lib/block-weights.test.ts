import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  openCheckpoint,
  quantizationRecipes,
  quantizeCheckpoint,
  type BlockQuantizedWeight,
  type Checkpoint,
  type QuantizationRecipe,
} from "@infernode/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { measureMatrix, readDense, readNumbers, writeBlocks } from "../../lib/block-weights.ts";
import { quantizeQ40 } from "../../lib/q4-0.ts";
import { checkpointSizes, writeRandomCheckpoint } from "../../lib/random-checkpoint.ts";

const name = "model.layers.0.mlp.down_proj.weight";
const workerUrl = new URL(
  "../../../packages/models/dist/weights/quantize/quantize-worker.js",
  import.meta.url,
);

let directory = "";
let checkpoint: Checkpoint;
let source: Float32Array;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infernode-blocks-"));
  await writeRandomCheckpoint(directory, checkpointSizes["tiny"]!, "BF16");
  checkpoint = await openCheckpoint(directory);
  source = await readDense(checkpoint.weights, checkpoint.weights.tensors.get(name)!);
});
afterAll(async () => {
  await checkpoint.weights.close();
  await rm(directory, { recursive: true, force: true });
});

async function quantized(recipe: QuantizationRecipe): Promise<BlockQuantizedWeight> {
  const plan = await quantizeCheckpoint(checkpoint, { ...recipe, directory });
  await plan.prepare({ threadCount: 1, workerUrl });
  return plan.weights.weight(name) as BlockQuantizedWeight;
}

test.each([
  ["int8", 0.004, 0.008],
  ["int4", 0.05, 0.1],
] as const)("the numbers of %s are near those they were made of", async (mode, least, most) => {
  const { squaredError, square } = await measureMatrix(await quantized(quantizationRecipes[mode]), source);
  const error = Math.sqrt(squaredError / square);
  expect(error).toBeGreaterThan(least);
  expect(error).toBeLessThan(most);
});

test("blocks that replace others stand for their own numbers", async () => {
  const weight = await quantized({ quantization: { bits: 4, blockSize: 32 } });
  const { data, scales } = quantizeQ40(source);
  await writeBlocks(weight, { data, scales });
  const expected = source.map((_, at) => {
    const byte = data[at >> 1]!;
    return scales[Math.floor(at / 32)]! * ((at % 2 === 0 ? byte & 15 : byte >> 4) - 8);
  });
  expect(await readNumbers(weight)).toEqual(expected);
});
