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
 * The network of Gemma 2 and 3: a norm before and one after both attention and MLP.
 *
 * @see transformers, `modeling_gemma3.py`
 */
export function buildSandwichDecoder<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
  let hidden = embedTokens(config, builder);
  for (let layerIndex = 0; layerIndex < config.layerCount; layerIndex += 1) {
    const layer: LayerContext<T> = { builder, config, layerIndex };
    const weights = layerWeights(config, layerIndex);
    const norm = (x: T, name: string): T => normalize(layer, x, name);
    const attended = attend(layer, norm(hidden, "input_layernorm"), weights);
    hidden = builder.add(hidden, norm(attended, "post_attention_layernorm"));
    const mlp = gatedMlp(layer, norm(hidden, "pre_feedforward_layernorm"), weights);
    hidden = builder.add(hidden, norm(mlp, "post_feedforward_layernorm"));
  }
  endWithLogits(config, builder, hidden);
}
