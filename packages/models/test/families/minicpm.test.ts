import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

const base = {
  architectures: ["MiniCPMForCausalLM"],
  vocab_size: 122_753,
  hidden_size: 2304,
  intermediate_size: 5760,
  num_hidden_layers: 4,
  num_attention_heads: 36,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("MiniCPM", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 36,
      hasTiedEmbeddings: true,
      scales: { embedding: 1, residual: 1 / 2, logits: 1 / 2304 },
    });
  });

  it("reads its factors", () => {
    const fields = {
      scale_emb: 12,
      scale_depth: 1.4,
      dim_model_base: 256,
      num_experts: 0,
      mup_denominator: 4,
    };
    expect(parse(fields).scales).toEqual({ embedding: 12, residual: 0.7, logits: 256 / 2304 });
  });

  it.each([
    ["num_experts", 8],
    ["sparse_config", { topk: 64 }],
    ["mup_denominator", 32],
  ])("refuses %s of %j", async (name, value) => {
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ [name]: value }));
    expect(error.field).toBe(name);
  });
});
