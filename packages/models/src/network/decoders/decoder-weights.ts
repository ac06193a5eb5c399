import type { NormWeights, WeightRef } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";

/** A projection `(out, in)`, with a bias `(out)` where the config has one. */
export interface Projection {
  readonly weight: WeightRef;
  readonly bias: WeightRef | undefined;
}

/** The weights of one decoder layer, under their names in `transformers`. */
export interface LayerWeights {
  readonly inputNorm: NormWeights;
  readonly q: Projection;
  readonly k: Projection;
  readonly v: Projection;
  /** All three in one, where the config says so. */
  readonly qkv: Projection;
  readonly output: Projection;
  /** Where the config has norms of queries and keys. */
  readonly qNorm: NormWeights | undefined;
  readonly kNorm: NormWeights | undefined;
  readonly mlpNorm: NormWeights;
  readonly gate: Projection;
  readonly up: Projection;
  readonly down: Projection;
}

/** A weight of layer `layerIndex`. */
export function layerTensor(layerIndex: number, name: string, shape: readonly number[]): WeightRef {
  return { name: `model.layers.${layerIndex}.${name}`, shape };
}

/** A projection of layer `layerIndex`. */
export function layerProjection(
  layerIndex: number,
  name: string,
  { shape, hasBias }: { readonly shape: readonly [out: number, in_: number]; readonly hasBias: boolean },
): Projection {
  return {
    weight: layerTensor(layerIndex, `${name}.weight`, shape),
    bias: hasBias ? layerTensor(layerIndex, `${name}.bias`, [shape[0]]) : undefined,
  };
}

/** The weights of layer `layerIndex`, with their shapes by the config. */
export function layerWeights(config: ModelConfig, layerIndex: number): LayerWeights {
  const { hiddenSize, intermediateSize, headDim } = config;
  const qSize = config.headCount * headDim;
  const kvSize = config.kvHeadCount * headDim;
  const projection = (name: string, shape: readonly [number, number], hasBias: boolean): Projection =>
    layerProjection(layerIndex, name, { shape, hasBias });
  const { qkv: hasQkvBias, output: hasOutputBias } = config.hasAttentionBias;
  return {
    inputNorm: normWeights(config, layerTensor(layerIndex, "input_layernorm", []).name),
    q: projection("self_attn.q_proj", [qSize, hiddenSize], hasQkvBias),
    k: projection("self_attn.k_proj", [kvSize, hiddenSize], hasQkvBias),
    v: projection("self_attn.v_proj", [kvSize, hiddenSize], hasQkvBias),
    qkv: projection("self_attn.qkv_proj", [qSize + 2 * kvSize, hiddenSize], hasQkvBias),
    output: projection("self_attn.o_proj", [hiddenSize, qSize], hasOutputBias),
    qNorm: headNorms(config, layerIndex, "q"),
    kNorm: headNorms(config, layerIndex, "k"),
    mlpNorm: normWeights(config, layerTensor(layerIndex, "post_attention_layernorm", []).name),
    gate: projection("mlp.gate_proj", [intermediateSize, hiddenSize], config.hasMlpBias),
    up: projection("mlp.up_proj", [intermediateSize, hiddenSize], config.hasMlpBias),
    down: projection("mlp.down_proj", [hiddenSize, intermediateSize], config.hasMlpBias),
  };
}

/** The norms of queries or keys. */
function headNorms(
  { qkNorm, headDim, headCount, kvHeadCount }: ModelConfig,
  layerIndex: number,
  projection: "q" | "k",
): NormWeights | undefined {
  const heads = projection === "q" ? headCount : kvHeadCount;
  const name = `self_attn.${projection}_norm.weight`;
  const ofHead = (_: unknown, head: number): WeightRef =>
    layerTensor(layerIndex, `self_attn.${projection}_layernorm.norms.${head}.weight`, [headDim]);
  switch (qkNorm) {
    case "none":
      return undefined;
    case "projection":
      return { weight: layerTensor(layerIndex, name, [heads * headDim]) };
    case "head":
      return { weight: layerTensor(layerIndex, name, [headDim]) };
    case "stacked":
      return { weight: layerTensor(layerIndex, name, [heads, headDim]) };
    case "listed":
      return { weight: Array.from({ length: heads }, ofHead) };
  }
}

/** The token embedding, `(vocabSize, hiddenSize)`. */
export function embeddingWeight(config: ModelConfig): WeightRef {
  return { name: "model.embed_tokens.weight", shape: [config.vocabSize, config.hiddenSize] };
}

/** The embedding of positions, `(contextTokens, hiddenSize)`. */
export function positionWeight(config: ModelConfig): WeightRef {
  return { name: "model.embed_positions.weight", shape: [config.contextTokens, config.hiddenSize] };
}

/** The norm after the last layer, `(hiddenSize)`. */
export function finalNormWeights(config: ModelConfig): NormWeights {
  return normWeights(config, "model.norm");
}

/** A norm `(hiddenSize)`, with a bias where the config has them. */
export function normWeights({ hiddenSize, norm }: ModelConfig, name: string): NormWeights {
  const shape = [hiddenSize];
  const bias = norm.hasBias ? { name: `${name}.bias`, shape } : undefined;
  return { weight: { name: `${name}.weight`, shape }, bias };
}

/** The output head, `(vocabSize, hiddenSize)`: the embedding itself where they are tied. */
export function outputWeight(config: ModelConfig): WeightRef {
  return config.hasTiedEmbeddings
    ? embeddingWeight(config)
    : { name: "lm_head.weight", shape: [config.vocabSize, config.hiddenSize] };
}

/** The bias of the output head, `(vocabSize)`, where the config has one. */
export function outputBias(config: ModelConfig): WeightRef | undefined {
  return config.hasHeadBias ? { name: "lm_head.bias", shape: [config.vocabSize] } : undefined;
}
