import type { Architecture, DecoderBuilder } from "../decoder-builder.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { attentionOptions, gatedMlp, normHeads, project } from "./decoder-blocks.ts";
import { embeddingWeight, finalNormWeight, layerWeights, outputWeight } from "./decoder-weights.ts";

/**
 * Llama and Mistral: pre-norm, rotary grouped-query attention, gated MLP. The config says where biases, norms of
 * query and key heads, and sliding windows are.
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
      const q = normHeads(builder, project(builder, x, weights.q), { weight: weights.qNorm, epsilon });
      const k = normHeads(builder, project(builder, x, weights.k), { weight: weights.kNorm, epsilon });
      const v = project(builder, x, weights.v);
      const attended = builder.attention({ q, k, v }, attentionOptions(config, layer));
      hidden = builder.add(hidden, project(builder, attended, weights.output));
      const mlpInput = builder.rmsNorm(hidden, weights.mlpNorm, epsilon);
      hidden = builder.add(hidden, gatedMlp(builder, mlpInput, weights));
    }
    builder.logits(builder.rmsNorm(hidden, finalNormWeight(config), epsilon), outputWeight(config));
  },
};

/** Qwen2 and Qwen2.5: Llama's network with biases of queries, keys and values. @see transformers, `modeling_qwen2.py` */
export const qwen2Architecture: Architecture = { ...llamaArchitecture, name: "qwen2" };

/** Qwen3: Llama's network with a norm of each query and key head. @see transformers, `modeling_qwen3.py` */
export const qwen3Architecture: Architecture = { ...llamaArchitecture, name: "qwen3" };
