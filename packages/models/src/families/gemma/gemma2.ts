import { buildSandwichDecoder } from "../../network/decoders/sandwich-decoder.ts";
import type { Family } from "../family.ts";
import { gemmaAttention, gemmaGguf, gemmaRules, gemmaScales, queryScalar } from "./gemma-rules.ts";

/** Gemma 2: capped attention and logits, windows in every second layer. @see transformers, `modeling_gemma2.py` */
export const gemma2: Family = {
  name: "gemma2",
  architecture: "Gemma2ForCausalLM",
  rules: { ...gemmaRules, slidingWindow: { allButEvery: 2 } },
  resolve: (fields, config) => ({
    ...gemmaScales(fields, config),
    ...gemmaAttention(fields, { attentionSoftCap: 50, logitSoftCap: 30 }),
  }),
  build: buildSandwichDecoder,
  gguf: {
    ...gemmaGguf,
    architecture: "gemma2",
    fields: (field) => queryScalar(field, 46),
  },
};
