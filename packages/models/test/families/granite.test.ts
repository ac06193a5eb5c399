import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

const base = {
  architectures: ["GraniteForCausalLM"],
  vocab_size: 49_155,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 2,
  num_attention_heads: 32,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("Granite", () => {
  it("has the defaults of its config class: factors of 1, of attention too", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 32,
      attentionScale: 1,
      scales: { embedding: 1, residual: 1, logits: 1 },
      hasAttentionBias: { qkv: false, output: false },
      hasTiedEmbeddings: false,
      bosTokenId: 1,
      eosTokenIds: [2],
    });
  });

  it("multiplies with its factors, and divides logits by theirs", () => {
    const fields = {
      attention_multiplier: 0.015_625,
      embedding_multiplier: 12,
      logits_scaling: 8,
      residual_multiplier: 0.22,
    };
    expect(parse(fields)).toMatchObject({
      attentionScale: 1 / 64,
      scales: { embedding: 12, residual: 0.22, logits: 1 / 8 },
    });
  });

  it.each(["attention_multiplier", "embedding_multiplier", "logits_scaling", "residual_multiplier"])(
    "refuses a factor %s that is none",
    async (name) => {
      const error = await expectModelError("INVALID_CONFIG", () => parse({ [name]: 0 }));
      expect(error.field).toBe(name);
    },
  );
});
