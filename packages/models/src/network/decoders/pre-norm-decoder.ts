import type { DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import {
  attend,
  embedTokens,
  endWithLogits,
  gatedMlp,
  type LayerContext,
  type MlpBlock,
  scaled,
} from "./decoder-blocks.ts";
import { layerWeights } from "./decoder-weights.ts";

/**
 * The network of Llama: a norm before grouped-query attention with rotation, and one before a gated MLP or
 * what is in its place. The config says where biases, norms of queries and keys, windows and factors are.
 *
 * @see transformers, `modeling_llama.py`
 */
export function buildPreNormDecoder<T>(
  config: ModelConfig,
  builder: DecoderBuilder<T>,
  mlp: MlpBlock = gatedMlp,
): void {
  const { layerCount, norm, scales } = config;
  let hidden = embedTokens(config, builder);
  for (let layerIndex = 0; layerIndex < layerCount; layerIndex += 1) {
    const layer: LayerContext<T> = { builder, config, layerIndex };
    const weights = layerWeights(config, layerIndex);
    const add = (x: T): T => builder.add(hidden, scaled(builder, x, scales.residual));
    hidden = add(attend(layer, builder.norm(hidden, weights.inputNorm, norm), weights));
    hidden = add(mlp(layer, builder.norm(hidden, weights.mlpNorm, norm), weights));
  }
  endWithLogits(config, builder, hidden);
}
