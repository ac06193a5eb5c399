import { readFileSync } from "node:fs";
import type { WeightRef } from "@infernode/models";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { ReferenceForward } from "./reference-forward.ts";

/** Logits of all tokens in float64, `(tokens, vocabSize)`, by a model whose weights are stored in float32. */
export function referenceLogits(
  { architecture, config, weights }: ExecutorModel,
  tokenIds: readonly number[],
): Float64Array[] {
  const read = ({ name }: WeightRef): Float64Array => {
    const weight = weights.weight(name);
    if (weight?.encoding !== "dense" || weight.data.dtype !== "F32") {
      throw new Error(`${name} is not of float32`);
    }
    const { filePath, startByte, endByte } = weight.data;
    const bytes = new Uint8Array(readFileSync(filePath).subarray(startByte, endByte));
    return Float64Array.from(new Float32Array(bytes.buffer));
  };
  const reference = new ReferenceForward(tokenIds, config, { read });
  architecture.build(config, reference);
  if (reference.result === undefined) throw new Error("the network ended without logits");
  const { data, width, rows } = reference.result;
  return Array.from({ length: rows }, (_, row) => data.subarray(row * width, (row + 1) * width));
}
