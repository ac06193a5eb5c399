import type { DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { attend, embedTokens, endWithLogits, gatedMlp, type LayerContext } from "./decoder-blocks.ts";
import { layerWeights } from "./decoder-weights.ts";

/**
 * The network of Cohere's Command R, and of StableLM 2 12B: attention and a gated MLP take the same norm, and a layer adds both.
 *
 * @see transformers, `modeling_cohere.py`
 */
export function buildParallelDecoder<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  let hidden = embedTokens(config, builder);
  for (let layerIndex = 0; layerIndex < config.layerCount; layerIndex += 1) {
    const layer: LayerContext<T> = { builder, config, layerIndex };
    const weights = layerWeights(config, layerIndex);
    const normed = builder.norm(hidden, weights.inputNorm, config.norm);
    hidden = builder.add(
      builder.add(hidden, attend(layer, normed, weights)),
      gatedMlp(layer, normed, weights),
    );
  }
  endWithLogits(config, builder, hidden);
}
