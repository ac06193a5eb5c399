import { buildPostNormDecoder } from "../../network/decoders/post-norm-decoder.ts";
import type { Family, GgufField } from "../family.ts";
import { commonRules } from "../family-rules.ts";
import { ggufLayerTypes } from "../gguf-layer-types.ts";

/** OLMo 2: norms after attention and MLP, and over all queries and all keys of a token. @see transformers, `modeling_olmo2.py` */
export const olmo2: Family = {
  name: "olmo2",
  architecture: "Olmo2ForCausalLM",
  rules: {
    ...commonRules,
    norm: { ...commonRules.norm, epsilon: 1e-5 },
    bosTokenId: undefined,
    eosTokenId: 50_279,
    attentionBias: "by-config",
    qkNorm: "projection",
  },
  build: buildPostNormDecoder,
  gguf: {
    architecture: "olmo2",
    layerTensors: {
      post_attention_norm: "post_attention_layernorm",
      post_ffw_norm: "post_feedforward_layernorm",
    },
    fieldKeys: { sliding_window: "attention.sliding_window" },
    fields: layerTypes,
  },
};

/** With windows it is an OLMo 3. A base is that of all layers there. @see llama.cpp, `olmo2.cpp` */
function layerTypes(field: GgufField): Readonly<Record<string, unknown>> {
  const window = field("attention.sliding_window") ?? 0;
  if (window === 0) return {};
  const theta = field("rope.freq_base");
  return {
    architectures: ["Olmo3ForCausalLM"],
    ...ggufLayerTypes(field),
    ...(theta !== undefined && { rope_parameters: { sliding_attention: { rope_theta: theta } } }),
  };
}
