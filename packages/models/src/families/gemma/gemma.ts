import { buildPreNormDecoder } from "../../network/decoders/pre-norm-decoder.ts";
import type { Family } from "../family.ts";
import { gemmaRules, gemmaScales, wholeNorms } from "./gemma-rules.ts";

/** Gemma 1: Llama's network with scaled embeddings and norms around 1. @see transformers, `modeling_gemma.py` */
export const gemma: Family = {
  name: "gemma",
  architecture: "GemmaForCausalLM",
  rules: {
    ...gemmaRules,
    widths: { kvHeadCount: 16, headDim: 256 },
    activation: { field: "hidden_act", default: "gelu_tanh" },
  },
  resolve: (fields, config) => ({
    ...gemmaScales(fields, config),
    // The first files say `gelu` and mean its approximation.
    ...(config.activation === "gelu" && { activation: "gelu_tanh" }),
  }),
  build: buildPreNormDecoder,
  gguf: { architecture: "gemma", resolve: wholeNorms },
};
