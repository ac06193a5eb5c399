import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/** Qwen3: Llama's network with a norm of each query and key head. @see transformers, `modeling_qwen3.py` */
export const qwen3: Family = {
  name: "qwen3",
  architecture: "Qwen3ForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 32, headDim: 128 },
    contextTokens: 32_768,
    bosTokenId: undefined,
    eosTokenId: undefined,
    attentionBias: "by-config",
    qkNorm: "head",
    slidingWindow: "by-layer",
  },
  build: buildPreNormDecoder,
  gguf: { architecture: "qwen3" },
};
