import type { Architecture, DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { attentionOptions, gatedMlp, project } from "./decoder-blocks.ts";
import { embeddingWeight, finalNormWeight, layerWeights, outputWeight } from "./decoder-weights.ts";

/**
 * Llama and Mistral: pre-norm, rotary grouped-query attention, gated MLP; biases where the config says so.
 *
 * @see transformers, `modeling_llama.py`, `modeling_mistral.py`
 */
export const llamaArchitecture: Architecture = {
  name: "llama",
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
