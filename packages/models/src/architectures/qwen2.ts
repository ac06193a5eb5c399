import type { Architecture, DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../model-config.ts";
import { attentionOptions, gatedMlp, project } from "./decoder-blocks.ts";
import { embeddingWeight, finalNormWeight, layerWeights, outputWeight } from "./decoder-weights.ts";

/**
 * Qwen2 and Qwen2.5: Llama's network with biases on queries, keys and values, and windows by layer.
 *
 * @see transformers, `modeling_qwen2.py`
 */
export const qwen2Architecture: Architecture = {
  name: "qwen2",
  build<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
    const epsilon = config.rmsNormEpsilon;
    let hidden = builder.embed(embeddingWeight(config));
    for (let layer = 0; layer < config.layerCount; layer += 1) {
      const weights = layerWeights(config, layer);
      const x = builder.rmsNorm(hidden, weights.inputNorm, epsilon);
      const q = project(builder, x, weights.q);
      const k = project(builder, x, weights.k);
      const v = project(builder, x, weights.v);
      const attended = builder.attention({ q, k, v }, attentionOptions(config, layer));
      hidden = builder.add(hidden, project(builder, attended, weights.output));
      hidden = builder.add(
        hidden,
        gatedMlp(builder, builder.rmsNorm(hidden, weights.mlpNorm, epsilon), weights),
      );
    }
    builder.logits(builder.rmsNorm(hidden, finalNormWeight(config), epsilon), outputWeight(config));
  },
};
