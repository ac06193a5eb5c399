import type { AttentionOptions, DecoderBuilder, WeightRef } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import type { LayerWeights, Projection } from "./decoder-weights.ts";

/** `x · weightᵀ`, plus the bias if there is one. */
export function project<T>(builder: DecoderBuilder<T>, x: T, projection: Projection): T {
  return projection.bias === undefined
    ? builder.linear(x, projection.weight)
    : builder.linear(x, projection.weight, projection.bias);
}

/** Normalizes each head before the rotation; returns `x` where the network has no such norm. */
export function normHeads<T>(
  builder: DecoderBuilder<T>,
  x: T,
  { weight, epsilon }: { readonly weight: WeightRef | undefined; readonly epsilon: number },
): T {
  return weight === undefined ? x : builder.headRmsNorm(x, weight, epsilon);
}

/** `down(silu(gate(x)) ⊙ up(x))`: `(tokens, hiddenSize)` → `(tokens, hiddenSize)`. */
export function gatedMlp<T>(builder: DecoderBuilder<T>, x: T, weights: LayerWeights): T {
  const gate = project(builder, x, weights.gate);
  const up = project(builder, x, weights.up);
  return project(builder, builder.gatedSilu(gate, up), weights.down);
}

/** Heads, scale and window of layer `layerIndex`. */
export function attentionOptions(config: ModelConfig, layerIndex: number): AttentionOptions {
  return {
    layerIndex,
    headCount: config.headCount,
    kvHeadCount: config.kvHeadCount,
    headDim: config.headDim,
    scale: config.headDim ** -0.5,
    slidingWindowTokens: config.slidingWindowTokens[layerIndex],
    hasInterleavedRope: config.hasInterleavedRope,
  };
}
