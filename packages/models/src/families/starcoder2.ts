import type { ConfigFields } from "../config/config-fields.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type LayerContext, plainMlp } from "../network/decoders/decoder-blocks.ts";
import { layerProjection } from "../network/decoders/decoder-weights.ts";
import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/** StarCoder 2: Llama's network with norms that subtract the mean, biases, and an MLP without a gate. @see transformers, `modeling_starcoder2.py` */
export const starcoder2: Family = {
  name: "starcoder2",
  architecture: "Starcoder2ForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 2, headDim: undefined },
    contextTokens: 4096,
    bosTokenId: 50_256,
    eosTokenId: 50_256,
    hasTiedEmbeddings: true,
    norm: { kind: "layer", hasBias: true, weightOffset: 0, epsilonField: "norm_epsilon", epsilon: 1e-5 },
    activation: { field: "hidden_act", default: "gelu_tanh" },
    slidingWindow: "all-layers",
  },
  resolve: readRest,
  build: (config, builder) => buildPreNormDecoder(config, builder, mlp),
  gguf: {
    architecture: "starcoder2",
    layerTensors: { ffn_up: "mlp.c_fc", ffn_down: "mlp.c_proj" },
    fieldKeys: { norm_epsilon: "attention.layer_norm_epsilon" },
    fields: (_field, hasTensor) => ({ use_bias: hasTensor("blk.0.attn_q.bias") }),
  },
};

/** Layers have windows where the config says which. */
function readRest(
  fields: ConfigFields,
  { slidingWindowTokens: windows }: ModelConfig,
): Pick<ModelConfig, "hasAttentionBias" | "hasMlpBias" | "slidingWindowTokens"> {
  const hasBias = fields.boolean("use_bias", true);
  return {
    hasAttentionBias: { qkv: hasBias, output: hasBias },
    hasMlpBias: hasBias,
    slidingWindowTokens: fields.has("sliding_window") ? windows : windows.map(() => undefined),
  };
}

function mlp<T>(layer: LayerContext<T>, x: T): T {
  const { hiddenSize, intermediateSize, hasMlpBias: hasBias } = layer.config;
  const { layerIndex } = layer;
  return plainMlp(layer, x, {
    up: layerProjection(layerIndex, "mlp.c_fc", { shape: [intermediateSize, hiddenSize], hasBias }),
    down: layerProjection(layerIndex, "mlp.c_proj", { shape: [hiddenSize, intermediateSize], hasBias }),
  });
}
