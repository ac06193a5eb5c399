import type { DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import {
  attend,
  embedTokens,
  endWithLogits,
  gatedMlp,
  type LayerContext,
  normalize,
} from "./decoder-blocks.ts";
import { layerWeights } from "./decoder-weights.ts";

/**
 * The network of OLMo 2 and 3: attention and MLP take the sums as they are, and what they add is normalized.
 *
 * @see transformers, `modeling_olmo2.py`
 */
export function buildPostNormDecoder<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  let hidden = embedTokens(config, builder);
  for (let layerIndex = 0; layerIndex < config.layerCount; layerIndex += 1) {
    const layer: LayerContext<T> = { builder, config, layerIndex };
    const weights = layerWeights(config, layerIndex);
    const norm = (x: T, name: string): T => normalize(layer, x, name);
    hidden = builder.add(hidden, norm(attend(layer, hidden, weights), "post_attention_layernorm"));
    hidden = builder.add(hidden, norm(gatedMlp(layer, hidden, weights), "post_feedforward_layernorm"));
  }
  endWithLogits(config, builder, hidden);
}
