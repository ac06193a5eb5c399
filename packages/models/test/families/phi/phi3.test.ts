import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { expectModelError } from "../../support/model-error.ts";

const base = {
  architectures: ["Phi3ForCausalLM"],
  vocab_size: 320,
  hidden_size: 64,
  intermediate_size: 80,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });
const factors = (count: number): object => ({
  short_factor: Array.from({ length: count }, () => 1),
  long_factor: Array.from({ length: count }, () => 2),
});

describe("Phi-3", () => {
  it("has the defaults of its config class, and no window unless the config has one", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 4,
      contextTokens: 4096,
      norm: { kind: "rms", epsilon: 1e-5 },
      rotaries: [{ dim: 16, theta: 10_000, scaling: { type: "none" } }],
      slidingWindowTokens: [undefined, undefined],
      hasTiedEmbeddings: false,
      bosTokenId: 1,
      eosTokenIds: [32_000],
    });
    expect(parse({ sliding_window: null }).slidingWindowTokens).toEqual([undefined, undefined]);
    expect(parse({ sliding_window: 2047 }).slidingWindowTokens).toEqual([2047, 2047]);
  });

  it("reads longrope under its older names, over the original context of the config or of its class", () => {
    const scalingOf = (fields: object): unknown => parse(fields).rotaries[0]?.scaling;
    for (const type of ["longrope", "su", "yarn"]) {
      const fields = { max_position_embeddings: 4096, original_max_position_embeddings: 1024 };
      expect(scalingOf({ ...fields, rope_scaling: { type, ...factors(8) } })).toMatchObject({
        type: "longrope",
        originalContextTokens: 1024,
        attentionFactor: Math.sqrt(1 + Math.log(4) / Math.log(1024)),
      });
    }
    const withOther = { rope_type: "longrope", original_max_position_embeddings: 7, ...factors(8) };
    expect(scalingOf({ max_position_embeddings: 131_072, rope_scaling: withOther })).toMatchObject({
      originalContextTokens: 4096,
    });
  });

  it("rotates a part of a head in both spellings", () => {
    expect(parse({ partial_rotary_factor: 0.75 }).rotaries[0]?.dim).toBe(12);
    const rope = { rope_type: "longrope", partial_rotary_factor: 0.75, rope_theta: 500, ...factors(6) };
    expect(parse({ rope_parameters: rope }).rotaries).toMatchObject([{ dim: 12, theta: 500 }]);
  });

  it.each([
    ["UNSUPPORTED_ROPE_SCALING", "partial_rotary_factor", { partial_rotary_factor: 0.05 }],
    ["INVALID_CONFIG", "partial_rotary_factor", { partial_rotary_factor: 1.5 }],
    ["INVALID_CONFIG", "rope_scaling.short_factor", { rope_scaling: { type: "su", ...factors(7) } }],
    [
      "INVALID_CONFIG",
      "rope_scaling.long_factor",
      { rope_scaling: { type: "longrope", ...factors(8), long_factor: undefined } },
    ],
  ] as const)("refuses with %s a bad %s", async (code, field, fields) => {
    const error = await expectModelError(code, () => parse(fields));
    expect(error.field).toBe(field);
  });
});
