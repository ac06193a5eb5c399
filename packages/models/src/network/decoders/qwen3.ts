import type { Architecture, DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { attentionOptions, gatedMlp, project } from "./decoder-blocks.ts";
import { embeddingWeight, finalNormWeight, layerWeights, outputWeight } from "./decoder-weights.ts";

/**
 * Qwen3: Llama's network with a norm on each head of queries and keys before they are rotated.
 *
 * @see transformers, `modeling_qwen3.py`
 */
export const qwen3Architecture: Architecture = {
  name: "qwen3",
  build<T>(config: ModelConfig, builder: DecoderBuilder<T>): void {
    const epsilon = config.rmsNormEpsilon;
    let hidden = builder.embed(embeddingWeight(config));
    for (let layer = 0; layer < config.layerCount; layer += 1) {
      const weights = layerWeights(config, layer);
      const x = builder.rmsNorm(hidden, weights.inputNorm, epsilon);
      const q = builder.headRmsNorm(project(builder, x, weights.q), weights.qNorm, epsilon);
      const k = builder.headRmsNorm(project(builder, x, weights.k), weights.kNorm, epsilon);
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
