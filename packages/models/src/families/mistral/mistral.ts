import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family } from "../family.ts";
import { commonRules } from "../family-rules.ts";

/** Mistral, Nemo and Ministral: Llama's network with windows. In GGUF it is a Llama. @see transformers, `modeling_mistral.py` */
export const mistral: Family = {
  name: "mistral",
  architecture: "MistralForCausalLM",
  rules: {
    ...commonRules,
    widths: { kvHeadCount: 8, headDim: undefined },
    contextTokens: 131_072,
    slidingWindow: "all-layers",
  },
  build: buildPreNormDecoder,
};
