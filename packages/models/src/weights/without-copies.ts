import { isTensor, type StoredWeight } from "./stored-weight.ts";
import type { WeightIndex } from "./weight-index.ts";

/** The same weights without the copies that a runtime made of them, for another one. */
export function withoutCopies(weights: WeightIndex): WeightIndex {
  const strip = (weight: StoredWeight): StoredWeight => {
    const fields = Object.entries(weight).map(([name, part]: [string, unknown]) => [
      name,
      isTensor(part) ? { ...part, prepacked: undefined } : part,
    ]);
    return Object.fromEntries(fields) as StoredWeight;
  };
  const stripped = new Map<string, StoredWeight>();
  for (const name of weights.tensors.keys()) {
    const weight = weights.weight(name);
    if (weight !== undefined) stripped.set(name, strip(weight));
  }
  return { ...weights, weight: (name) => stripped.get(name) };
}
