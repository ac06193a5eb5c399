import type { ModelConfig } from "../config/model-config.ts";
import type { Architecture, DecoderBuilder, WeightRef } from "./decoder-builder.ts";

/** The weights that a network multiplies with, each once: those of `linear` and `logits`. */
export function listProducts(architecture: Architecture, config: ModelConfig): readonly WeightRef[] {
  const products = new Map<string, WeightRef>();
  const builder: DecoderBuilder<undefined> = {
    embed: () => undefined,
    rmsNorm: () => undefined,
    headRmsNorm: () => undefined,
    linear: (_x, weight) => void products.set(weight.name, weight),
    attention: () => undefined,
    gatedSilu: () => undefined,
    add: () => undefined,
    logits: (_x, weight) => void products.set(weight.name, weight),
  };
  architecture.build(config, builder);
  return [...products.values()];
}
