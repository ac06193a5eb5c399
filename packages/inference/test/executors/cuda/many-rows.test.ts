import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ModelConfig, StoredWeight, TensorInfo } from "@infernode/models";
import { expect, test } from "vitest";
import { createCudaExecutor } from "../../../src/executors/cuda/index.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { difference } from "../support/dequantize.ts";
import { createRandomCheckpoint, tinyConfig } from "../support/random-checkpoint.ts";
import { runPages } from "../support/run-pages.ts";
import { describeOnDevice } from "./describe-device.ts";

const randomTokens = (count: number): number[] =>
  Array.from({ length: count }, (_, at) => (at * 37 + 5) % 89);
/** Columns of the last product of an MLP are split from 1,024 on. */
const config: ModelConfig = { ...tinyConfig, intermediateSize: 1024 };

/**
 * The same matrices in 16 bits and in float32: numbers of 7 bits behind the leading one, which both types of 16 bits hold,
 * but for the smallest in float16.
 */
async function narrowMatrices(
  model: ExecutorModel,
  names: readonly string[],
): Promise<Record<"BF16" | "F16" | "F32", ExecutorModel>> {
  const stored = new Map<string, Record<"BF16" | "F16" | "F32", StoredWeight>>();
  for (const name of names) {
    const weight = model.weights.weight(name);
    if (weight?.encoding !== "dense" || weight.shape.length !== 2) continue;
    const { filePath, startByte, endByte } = weight.data;
    const words = new Uint32Array(
      new Uint8Array((await readFile(filePath)).subarray(startByte, endByte)).buffer,
    );
    // Whole multiples of 2^-14 of float16's normal numbers.
    const numbers = new Float32Array(words.map((word) => word & 0xffff0000).buffer).map((number) =>
      Math.abs(number) < 2 ** -14 ? 0 : number,
    );
    const bits = new Uint32Array(numbers.buffer);
    const bf16 = Uint16Array.from(bits, (word) => word >>> 16);
    const f16 = Uint16Array.from(bits, (word) =>
      (word & 0x7fffffff) === 0
        ? 0
        : ((word >>> 16) & 0x8000) | ((((word >>> 23) & 0xff) - 112) << 10) | ((word >>> 13) & 0x3ff),
    );
    const store = async (
      dtype: TensorInfo["dtype"],
      data: Uint16Array | Float32Array,
    ): Promise<StoredWeight> => {
      const target = path.join(path.dirname(filePath), `${name}.${dtype}`);
      await writeFile(target, data);
      const info = { ...weight.data, dtype, filePath: target, startByte: 0, endByte: data.byteLength };
      return { ...weight, data: info };
    };
    stored.set(name, {
      BF16: await store("BF16", bf16),
      F16: await store("F16", f16),
      F32: await store("F32", numbers),
    });
  }
  const of = (dtype: "BF16" | "F16" | "F32"): ExecutorModel => ({
    ...model,
    weights: { ...model.weights, weight: (name) => stored.get(name)?.[dtype] ?? model.weights.weight(name) },
  });
  return { BF16: of("BF16"), F16: of("F16"), F32: of("F32") };
}

describeOnDevice("passes of many tokens on a CUDA device", (openPool) => {
  /** Logits of the last token, computed in chunks of some lengths. */
  const logitsOf = async (
    model: ExecutorModel,
    tokens: readonly number[],
    lengths: readonly number[],
  ): Promise<Float32Array> => {
    using memory = openPool();
    await using executor = await createCudaExecutor({
      model,
      pool: memory.pool,
      maxSequences: 1,
      kvCacheDtype: "float32",
      productPrecision: "16-bit",
    });
    let row: Float32Array = new Float32Array();
    let startPosition = 0;
    for (const length of lengths) {
      const tokenIds = tokens.slice(startPosition, startPosition + length);
      const [last] = await runPages(executor, [{ sequence: 0, startPosition, tokenIds }]);
      if (last !== undefined) row = last;
      startPosition += length;
    }
    return row;
  };

  test.each([
    ["BF16", 2e-2],
    ["F16", 3e-3],
  ] as const)(
    "round inputs of matrices of %s to 16 bits, and not those of up to 16 tokens",
    async (dtype, most) => {
      await using checkpoint = await createRandomCheckpoint(config, 7);
      const models = await narrowMatrices(checkpoint.model, [...checkpoint.model.weights.tensors.keys()]);
      const tokens = randomTokens(40);
      const wanted = await logitsOf(models.F32, tokens, [40]);
      const rounded = difference(await logitsOf(models[dtype], tokens, [40]), wanted);
      expect(rounded).toBeLessThan(most);
      expect(rounded).toBeGreaterThan(1e-5);
      expect(difference(await logitsOf(models[dtype], tokens, [16, 16, 8]), wanted)).toBeLessThan(1e-5);
    },
  );

  test("single tokens share a long context among blocks", async () => {
    await using checkpoint = await createRandomCheckpoint({ ...tinyConfig, contextTokens: 320 }, 8);
    const tokens = randomTokens(300);
    const wanted = Float32Array.from(checkpoint.referenceLogits(tokens).at(-1)!);
    expect(difference(await logitsOf(checkpoint.model, tokens, [298, 1, 1]), wanted)).toBeLessThan(2e-5);
  });
});
