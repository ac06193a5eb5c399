import { buildPreNormDecoder } from "../network/decoders/pre-norm-decoder.ts";
import type { Family } from "./family.ts";
import { commonRules } from "./family-rules.ts";

/** Llama 1 to 3, and all that call themselves so. @see transformers, `modeling_llama.py` */
export const llama: Family = {
  name: "llama",
  architecture: "LlamaForCausalLM",
  rules: { ...commonRules, attentionBias: "by-config", mlpBias: "by-config" },
  build: buildPreNormDecoder,
  gguf: {
    architecture: "llama",
    // The converter reorders queries and keys of Llama, and those of no other architecture.
    resolve: () => ({ hasInterleavedRope: true }),
  },
};
