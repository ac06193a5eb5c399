import type { DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import {
  attend,
  embedTokens,
  endWithLogits,
  gatedMlp,
  type LayerContext,
  type MlpBlock,
  normalize,
} from "./decoder-blocks.ts";
import { layerWeights } from "./decoder-weights.ts";

/**
 * The network of Cohere's Command R, StableLM 2 12B, Phi-2 and Falcon: attention and an MLP take the same norm, or each
 * its own, and a layer adds both.
 *
 * @see transformers, `modeling_cohere.py`, `modeling_phi.py`, `modeling_falcon.py`
 */
export function buildParallelDecoder<T>(
  config: ModelConfig,
  builder: DecoderBuilder<T>,
  mlp: MlpBlock = gatedMlp,
): void {
  let hidden = embedTokens(config, builder);
  for (let layerIndex = 0; layerIndex < config.layerCount; layerIndex += 1) {
    const layer: LayerContext<T> = { builder, config, layerIndex };
    const weights = layerWeights(config, layerIndex);
    const normed = builder.norm(hidden, weights.inputNorm, config.norm);
    const attentionInput = config.hasAttentionNorm ? normalize(layer, hidden, "attention_layernorm") : normed;
    const attended = builder.add(hidden, attend(layer, attentionInput, weights));
    hidden = builder.add(attended, mlp(layer, normed, weights));
  }
  endWithLogits(config, builder, hidden);
}
