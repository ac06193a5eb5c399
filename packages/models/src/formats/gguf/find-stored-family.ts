import { ModelError, quoteValue } from "../../errors.ts";
import type { Family, GgufFamily } from "../../families/family.ts";
import { families } from "../../families/registry.ts";
import type { GgufMetadata } from "./gguf-metadata.ts";

/** A family and how it is stored in GGUF. */
export type StoredFamily = Family & { readonly gguf: GgufFamily };

const storedFamilies: readonly StoredFamily[] = families.flatMap(({ gguf, ...family }) =>
  gguf === undefined ? [] : [{ ...family, gguf }],
);

/** How experts are weighted, by the softmax of their logits and no factor. */
const routingValues: Readonly<Record<string, readonly unknown[]>> = {
  expert_gating_func: [1, 0],
  expert_weights_scale: [1, 0],
  expert_group_count: [1, 0],
};

/**
 * Finds the family by the architecture, and by whether there are experts: Mixtral is a Llama with some.
 *
 * @throws ModelError `UNSUPPORTED_ARCHITECTURE`, also for experts that are chosen or weighted in another way
 */
export function findStoredFamily(path: string, metadata: GgufMetadata): StoredFamily {
  const name = metadata.get("general.architecture");
  const ofArchitecture = storedFamilies.filter(({ gguf }) => gguf.architecture === name);
  const place = { file: path, field: "general.architecture" };
  const unsupported = (expected: string, got: string, field = place.field): ModelError =>
    new ModelError("UNSUPPORTED_ARCHITECTURE", { expected, got }, { ...place, field });
  const [first] = ofArchitecture;
  if (first === undefined) {
    const known = new Set(storedFamilies.map(({ gguf }) => gguf.architecture));
    throw unsupported(`one of ${[...known].join(", ")}`, name === undefined ? "nothing" : quoteValue(name));
  }
  const key = (field: string): string => `${first.gguf.architecture}.${field}`;
  const count = metadata.get(key("expert_count")) ?? 0;
  const hasExperts = count !== 0;
  const family = ofArchitecture.find(({ gguf }) => (gguf.hasExperts ?? false) === hasExperts);
  if (family === undefined) {
    const expected = `a network ${hasExperts ? "without" : "with"} experts`;
    throw unsupported(expected, `${quoteValue(count)} experts`, key("expert_count"));
  }
  for (const [field, usual] of Object.entries(routingValues)) {
    const value = metadata.get(key(field));
    if (!hasExperts || value === undefined || usual.includes(value)) continue;
    throw unsupported(`${quoteValue(usual[0])}, or nothing`, quoteValue(value), key(field));
  }
  return family;
}
