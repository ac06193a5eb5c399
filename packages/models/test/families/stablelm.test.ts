import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

const base = {
  architectures: ["StableLmForCausalLM"],
  vocab_size: 320,
  hidden_size: 2048,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 32,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("StableLM", () => {
  it("has the defaults of its config class: a quarter of a head rotates", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 32,
      contextTokens: 4096,
      norm: { kind: "layer", epsilon: 1e-5, hasBias: true },
      rotaries: [{ dim: 16, theta: 10_000, scaling: { type: "none" } }],
      hasAttentionBias: { qkv: false, output: false },
      bosTokenId: 0,
      eosTokenIds: [0],
    });
    expect(parse({ use_qkv_bias: true }).hasAttentionBias).toEqual({ qkv: true, output: false });
    expect(parse({ partial_rotary_factor: 0.5 }).rotaries[0]?.dim).toBe(32);
  });

  it.each(["use_parallel_residual", "qk_layernorm"])("refuses %s", async (name) => {
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ [name]: true }));
    expect(error.field).toBe(name);
  });
});
