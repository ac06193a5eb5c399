import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/** Qwen2 and Qwen2.5: Llama's network with biases of queries, keys and values. @see transformers, `modeling_qwen2.py` */
export const qwen2: Family = {
  name: "qwen2",
  architecture: "Qwen2ForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 32, headDim: undefined },
    contextTokens: 32_768,
    bosTokenId: undefined,
    eosTokenId: undefined,
    attentionBias: "qkv",
    slidingWindow: "by-layer",
  },
  build: buildPreNormDecoder,
  gguf: { architecture: "qwen2" },
};
