import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { StoredWeight, TensorInfo } from "@infernode/models";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";

/**
 * The same matrices in 16 bits and in float32: numbers of 7 bits behind the leading one, which both types of 16 bits hold,
 * but for the smallest in float16.
 */
export async function narrowMatrices(
  model: ExecutorModel,
): Promise<Record<"BF16" | "F16" | "F32", ExecutorModel>> {
  const stored = new Map<string, Record<"BF16" | "F16" | "F32", StoredWeight>>();
  for (const name of model.weights.tensors.keys()) {
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
