import { readFileSync } from "node:fs";
import type { WeightRef } from "@infernode/models";
import { decodeElements } from "../../../../models/src/weights/decode-elements.ts";
import type { ExecutorModel } from "../../../src/executors/executor-provider.ts";
import { ReferenceForward, type ReferenceSource } from "./reference-forward.ts";

/** Whether the oracle can rotate as a model does. */
export function hasOracle({ config }: ExecutorModel): boolean {
  return config.rotaries.every(({ scaling }) => scaling.type === "none");
}

/** Logits of a fixture after each token, `(tokens, vocabSize)`, in double precision. */
export function oracleLogits(
  { architecture, config, weights }: ExecutorModel,
  tokenIds: readonly number[],
  kvSteps?: ReferenceSource["kvSteps"],
): readonly Float64Array[] {
  const files = new Map<string, Buffer>();
  const numbers = new Map<string, Float64Array>();
  const read = ({ name }: WeightRef): Float64Array => {
    const found = numbers.get(name);
    if (found !== undefined) return found;
    const weight = weights.weight(name);
    if (weight?.encoding !== "dense") throw new Error(`expected a dense weight ${name}`);
    const { filePath, startByte, endByte, dtype } = weight.data;
    const file = files.get(filePath) ?? readFileSync(filePath);
    files.set(filePath, file);
    const stored = Float64Array.from(decodeElements(new Uint8Array(file).slice(startByte, endByte), dtype));
    const [rows = 0, columns = 0] = weight.shape;
    const made =
      weight.isTransposed === true
        ? stored.map((_, at) => stored[(at % columns) * rows + Math.floor(at / columns)] ?? Number.NaN)
        : stored;
    numbers.set(name, made);
    return made;
  };
  const reference = new ReferenceForward(tokenIds, config, { read, ...(kvSteps && { kvSteps }) });
  architecture.build(config, reference);
  if (reference.result === undefined) throw new Error("the network ended without logits");
  const { data, width, rows } = reference.result;
  return Array.from({ length: rows }, (_, row) => data.subarray(row * width, (row + 1) * width));
}
