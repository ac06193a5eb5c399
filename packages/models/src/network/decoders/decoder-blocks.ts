import type { AttentionOptions, DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import type { LayerWeights, Projection } from "./decoder-weights.ts";
import {
  embeddingWeight,
  finalNormWeights,
  layerTensor,
  normWeights,
  outputBias,
  outputWeight,
  positionWeight,
} from "./decoder-weights.ts";

/** `x · weightᵀ`, plus the bias if there is one. */
export function project<T>(builder: DecoderBuilder<T>, x: T, projection: Projection): T {
  return projection.bias === undefined
    ? builder.linear(x, projection.weight)
    : builder.linear(x, projection.weight, projection.bias);
}

/** `factor · x`; nothing is computed for a factor of 1. */
export function scaled<T>(builder: DecoderBuilder<T>, x: T, factor: number): T {
  return factor === 1 ? x : builder.scale(x, factor);
}

/** The embeddings of the tokens, scaled by the config, and of their positions where the config has those. */
export function embedTokens<T>(config: ModelConfig, builder: DecoderBuilder<T>): T {
  const tokens = scaled(builder, builder.embed(embeddingWeight(config)), config.scales.embedding);
  return config.hasPositionTable
    ? builder.add(tokens, builder.embedPositions(positionWeight(config)))
    : tokens;
}

/** Queries, keys and values, normalized where the config says so, attended to, and projected: `(tokens, hiddenSize)`. */
export function attend<T>(layer: LayerContext<T>, x: T, weights: AttentionWeights): T {
  const { builder, config, layerIndex } = layer;
  const { fusedQkvGroupCount: groupCount } = config;
  const qkv =
    groupCount === undefined
      ? separateQkv(layer, x, weights)
      : fusedQkv(layer, project(builder, x, weights.qkv), groupCount);
  return project(builder, builder.attention(qkv, attentionOptions(config, layerIndex)), weights.output);
}

type AttentionWeights = Pick<LayerWeights, "q" | "k" | "v" | "qkv" | "output" | "qNorm" | "kNorm">;

/** What attention takes. */
interface Qkv<T> {
  readonly q: T;
  readonly k: T;
  readonly v: T;
}

function separateQkv<T>({ builder, config }: LayerContext<T>, x: T, weights: AttentionWeights): Qkv<T> {
  const normed = (projection: Projection, norm: LayerWeights["qNorm"]): T => {
    const value = project(builder, x, projection);
    return norm === undefined ? value : builder.norm(value, norm, config.norm);
  };
  const q = normed(weights.q, weights.qNorm);
  const k = normed(weights.k, weights.kNorm);
  return { q, k, v: project(builder, x, weights.v) };
}

/** The parts of one product of all three. */
function fusedQkv<T>({ builder, config }: LayerContext<T>, qkv: T, groupCount: number): Qkv<T> {
  const { headCount, kvHeadCount, headDim } = config;
  const [qSize, kvSize] = [headCount, kvHeadCount].map((count) => (count / groupCount) * headDim) as [
    number,
    number,
  ];
  const part = (start: number, size: number): T => builder.slice(qkv, { groupCount, start, size });
  return { q: part(0, qSize), k: part(qSize, kvSize), v: part(qSize + kvSize, kvSize) };
}

/** What the blocks of a layer need beside its weights. */
export interface LayerContext<T> {
  readonly builder: DecoderBuilder<T>;
  readonly config: ModelConfig;
  readonly layerIndex: number;
}

/** Normalizes with the weights `<name>.weight` of the layer. */
export function normalize<T>({ builder, config, layerIndex }: LayerContext<T>, x: T, name: string): T {
  return builder.norm(x, normWeights(config, layerTensor(layerIndex, name, []).name), config.norm);
}

/** What a layer has after attention: `(tokens, hiddenSize)` → `(tokens, hiddenSize)`. */
export type MlpBlock = <T>(layer: LayerContext<T>, x: T, weights: MlpWeights) => T;

/** The projections of a gated MLP. */
export type MlpWeights = Pick<LayerWeights, "gate" | "up" | "down">;

/** `down(activation(gate(x)) ⊙ up(x))`: `(tokens, hiddenSize)` → `(tokens, hiddenSize)`. */
export function gatedMlp<T>(
  { builder, config }: Pick<LayerContext<T>, "builder" | "config">,
  x: T,
  weights: MlpWeights,
): T {
  const gate = project(builder, x, weights.gate);
  const up = project(builder, x, weights.up);
  return project(builder, builder.multiply(builder.activate(gate, config.activation), up), weights.down);
}

/** `down(activation(up(x)))`: `(tokens, hiddenSize)` → `(tokens, hiddenSize)`. */
export function plainMlp<T>(
  { builder, config }: Pick<LayerContext<T>, "builder" | "config">,
  x: T,
  weights: Pick<LayerWeights, "up" | "down">,
): T {
  return project(builder, builder.activate(project(builder, x, weights.up), config.activation), weights.down);
}

/** The norm after the last layer, and the logits. */
export function endWithLogits<T>(config: ModelConfig, builder: DecoderBuilder<T>, hidden: T): void {
  const normed = builder.norm(hidden, finalNormWeights(config), config.norm);
  builder.logits(scaled(builder, normed, config.scales.logits), outputWeight(config), {
    bias: outputBias(config),
    softCap: config.logitSoftCap,
  });
}

/** Heads, scale, window and rotation of layer `layerIndex`. */
function attentionOptions(config: ModelConfig, layerIndex: number): AttentionOptions {
  const index = config.layerRotary[layerIndex];
  const rotary = index === undefined ? undefined : config.rotaries[index];
  return {
    layerIndex,
    headCount: config.headCount,
    kvHeadCount: config.kvHeadCount,
    headDim: config.headDim,
    scale: config.attentionScale,
    queryScaling: config.queryScaling,
    softCap: config.attentionSoftCap,
    slidingWindowTokens: config.slidingWindowTokens[layerIndex],
    sinks: config.hasAttentionSinks
      ? layerTensor(layerIndex, "self_attn.sinks", [config.headCount])
      : undefined,
    rotary:
      index === undefined || rotary === undefined
        ? undefined
        : {
            index,
            dim: rotary.dim,
            isInterleaved: config.hasInterleavedRope,
            isByLength: ["longrope", "dynamic"].includes(rotary.scaling.type),
          },
  };
}
