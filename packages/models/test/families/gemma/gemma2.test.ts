import { expect, it } from "vitest";

import { parseModelConfig } from "../../../src/index.ts";

const base = {
  vocab_size: 256_000,
  hidden_size: 64,
  intermediate_size: 80,
  num_hidden_layers: 3,
  num_attention_heads: 16,
};

it("Gemma 2 has the defaults of its config class; null takes a cap away", () => {
  const gemma2 = { ...base, architectures: ["Gemma2ForCausalLM"] };
  expect(parseModelConfig({ config: gemma2 })).toMatchObject({
    kvHeadCount: 4,
    headDim: 256,
    contextTokens: 8192,
    attentionScale: 1 / 16,
    attentionSoftCap: 50,
    logitSoftCap: 30,
    slidingWindowTokens: [4096, undefined, 4096],
    rotaries: [{ dim: 256, theta: 1e4, scaling: { type: "none" } }],
    qkNorm: "none",
    eosTokenIds: [1],
    bosTokenId: 2,
  });
  const uncapped = { ...gemma2, attn_logit_softcapping: null, final_logit_softcapping: null };
  expect(parseModelConfig({ config: uncapped })).toMatchObject({
    attentionSoftCap: undefined,
    logitSoftCap: undefined,
  });
});

it("Gemma 1 has the defaults of its config class, and means the approximation of gelu", () => {
  const gemma = { ...base, architectures: ["GemmaForCausalLM"] };
  const wanted = {
    kvHeadCount: 16,
    headDim: 256,
    contextTokens: 8192,
    activation: "gelu_tanh",
    hasTiedEmbeddings: true,
    norm: { weightOffset: 1 },
    slidingWindowTokens: [undefined, undefined, undefined],
  };
  expect(parseModelConfig({ config: gemma })).toMatchObject(wanted);
  expect(parseModelConfig({ config: { ...gemma, hidden_act: "gelu" } })).toMatchObject(wanted);
});
