import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { expectModelError } from "../../support/model-error.ts";

const base = {
  architectures: ["InternLM3ForCausalLM"],
  vocab_size: 128_512,
  hidden_size: 4096,
  intermediate_size: 10_240,
  num_hidden_layers: 2,
  num_attention_heads: 32,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("InternLM 3", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 2,
      headDim: 128,
      contextTokens: 32_768,
      norm: { epsilon: 1e-5 },
      hasAttentionBias: { qkv: false, output: false },
      hasMlpBias: false,
    });
  });

  it("reads biases under both names, and refuses those of attention or MLP only", async () => {
    const biases = { hasAttentionBias: { qkv: true, output: true }, hasMlpBias: true };
    expect(parse({ qkv_bias: true, bias: true })).toMatchObject(biases);
    expect(parse({ attention_bias: true, mlp_bias: true })).toMatchObject(biases);
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ qkv_bias: true }));
    expect(error.field).toBe("mlp_bias");
  });
});
