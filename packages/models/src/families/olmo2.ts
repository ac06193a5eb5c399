import { buildPostNormDecoder } from "../network/decoders/post-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

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
  },
};
