import type { ModelConfig } from "../config/model-config.ts";
import type { Architecture, DecoderBuilder, WeightRef } from "./decoder-builder.ts";

/** A weight that a network multiplies with. */
export interface Product {
  readonly weight: WeightRef;
  /** Whether it makes keys, values or logits: an error there costs the most for its size. */
  readonly isSensitive: boolean;
  /** Whether every token takes it, on its way to the logits: an adapter can change it. */
  readonly isAdaptable: boolean;
}

/**
 * The weights that a network multiplies with, each once: those of `linear` and `logits`. Those that decide which experts
 * a token takes, and how much of what, are no products: they are few, and an error there changes everything after it.
 */
export function listProducts(architecture: Architecture, config: ModelConfig): readonly Product[] {
  const products = new Map<string, WeightRef>();
  const sensitive = new Set<string>();
  const excluded = new Set<string>();
  const multiply = (weight: WeightRef): string => {
    products.set(weight.name, weight);
    return weight.name;
  };
  // A value is the name of the weight that made it.
  const builder: DecoderBuilder<string> = {
    embed: () => "",
    embedPositions: () => "",
    norm: (x) => x,
    linear: (_x, weight) => multiply(weight),
    // Of a product that makes all three, keys and values are a part.
    slice: (x) => x,
    attention: ({ k, v }) => {
      sensitive.add(k).add(v);
      return "";
    },
    experts(x, { logits, expertCount }, expert) {
      products.delete(logits);
      const before = new Set(products.keys());
      for (let index = 0; index < expertCount; index += 1) expert(x, index);
      for (const name of products.keys()) if (!before.has(name)) excluded.add(name);
      return "";
    },
    activate(x, activation) {
      if (activation === "sigmoid") products.delete(x);
      return "";
    },
    clip: () => "",
    multiply: () => "",
    scale: (x) => x,
    add: () => "",
    logits: (_x, weight) => {
      const name = multiply(weight);
      sensitive.add(name);
      excluded.add(name);
    },
  };
  architecture.build(config, builder);
  return [...products.values()].map((weight) => ({
    weight,
    isSensitive: sensitive.has(weight.name),
    isAdaptable: !excluded.has(weight.name),
  }));
}
