import type { MixtureOfExperts, ModelConfig } from "../../config/model-config.ts";
import type { DecoderBuilder } from "../decoder-builder.ts";
import { type LayerContext, project } from "./decoder-blocks.ts";
import { layerProjection, type Projection } from "./decoder-weights.ts";
import { buildPreNormDecoder } from "./pre-norm-decoder.ts";

/**
 * The network of gpt-oss: Llama's with a learned score of nothing in the attention of each head, and in place of MLPs
 * experts with biases, whose gate and up are limited.
 *
 * @see transformers, `modeling_gpt_oss.py`
 */
export function buildSwigluMixture<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  const { experts } = config;
  if (experts === undefined) return buildPreNormDecoder(config, builder);
  buildPreNormDecoder(config, builder, (layer, x) => mixture(layer, x, experts));
}

/** The weighted sum of a token's experts. */
function mixture<T>(layer: LayerContext<T>, x: T, experts: MixtureOfExperts): T {
  const { builder, config, layerIndex } = layer;
  const { expertCount, intermediateSize } = experts;
  const { hiddenSize } = config;
  const projection = (name: string, ...shape: readonly [number, number]): Projection =>
    layerProjection(layerIndex, `mlp.${name}`, { shape, hasBias: true });
  const logits = project(builder, x, projection("router", expertCount, hiddenSize));
  return builder.experts(x, { ...experts, logits }, (rows, index) => {
    const into = (name: string, width: number): T =>
      project(builder, rows, projection(`experts.${index}.${name}`, width, hiddenSize));
    const [gate, up] = experts.hasInterleavedGateUp
      ? splitPairs(builder, into("gate_up_proj", 2 * intermediateSize), intermediateSize)
      : [into("gate_proj", intermediateSize), into("up_proj", intermediateSize)];
    const inner = clampedSwiglu(builder, { gate, up, limit: experts.swigluLimit });
    return project(builder, inner, projection(`experts.${index}.down_proj`, hiddenSize, intermediateSize));
  });
}

/** The first and the second of each pair of features: `(tokens, 2 · count)` → twice `(tokens, count)`. */
function splitPairs<T>(builder: DecoderBuilder<T>, x: T, count: number): readonly [T, T] {
  const part = (start: number): T => builder.slice(x, { groupCount: count, start, size: 1 });
  return [part(0), part(1)];
}

/** `(up + 1) ⊙ quick_gelu(gate)`, of what the limit leaves. */
function clampedSwiglu<T>(
  builder: DecoderBuilder<T>,
  { gate, up, limit }: { readonly gate: T; readonly up: T; readonly limit: number | undefined },
): T {
  const [limitedGate, limitedUp] =
    limit === undefined
      ? [gate, up]
      : [builder.clip(gate, { min: undefined, max: limit }), builder.clip(up, { min: -limit, max: limit })];
  const glu = builder.activate(limitedGate, "quick_gelu");
  return builder.add(builder.multiply(limitedUp, glu), glu);
}
