import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../src/index.ts";
import type { ModelConfig } from "../../src/index.ts";
import { expectModelError } from "../support/model-error.ts";

const base = {
  architectures: ["SmolLM3ForCausalLM"],
  vocab_size: 128_256,
  hidden_size: 2048,
  intermediate_size: 11_008,
  num_hidden_layers: 5,
  num_attention_heads: 16,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });
const full = [undefined, undefined, undefined, undefined, undefined];

describe("SmolLM3", () => {
  it("has the defaults of its config class: each fourth layer does not rotate", () => {
    expect(parse({})).toMatchObject({
      kvHeadCount: 4,
      headDim: 128,
      contextTokens: 32_768,
      hasTiedEmbeddings: true,
      bosTokenId: 128_000,
      eosTokenIds: [128_001],
      rotaries: [{ dim: 128, theta: 2e6, scaling: { type: "none" } }],
      layerRotary: [0, 0, 0, undefined, 0],
      slidingWindowTokens: full,
    });
  });

  it("reads which layers rotate, and by which base", () => {
    expect(parse({ no_rope_layers: [0, 1, 1, 0, 1, 1] }).layerRotary).toEqual([
      undefined,
      0,
      0,
      undefined,
      0,
    ]);
    expect(parse({ no_rope_layer_interval: 2 }).layerRotary).toEqual([0, undefined, 0, undefined, 0]);
    expect(parse({ no_rope_layer_interval: 1 })).toMatchObject({ rotaries: [], layerRotary: full });
    expect(parse({ rope_theta: 5e6 }).rotaries[0]?.theta).toBe(5e6);
    expect(parse({ rope_parameters: { rope_theta: 5e6, rope_type: "default" } }).rotaries[0]?.theta).toBe(
      5e6,
    );
  });

  it("gives windows to layers that do not rotate, or to those that are listed", () => {
    const window = { use_sliding_window: true, sliding_window: 512 };
    expect(parse(window).slidingWindowTokens).toEqual([undefined, undefined, undefined, 512, undefined]);
    expect(parse({ sliding_window: 512 }).slidingWindowTokens).toEqual(full);
    expect(parse({ use_sliding_window: true }).slidingWindowTokens).toEqual(full);
    const types = ["sliding_attention", ...Array.from({ length: 4 }, () => "full_attention")];
    expect(parse({ ...window, layer_types: types }).slidingWindowTokens[0]).toBe(512);
  });

  it.each([
    ["no_rope_layers", [1, 1]],
    ["no_rope_layers", [1, 1, 1, 1, 2]],
    ["no_rope_layer_interval", 0],
    ["layer_types", ["full_attention"]],
  ])("refuses %s of %j", async (name, value) => {
    const error = await expectModelError("INVALID_CONFIG", () => parse({ [name]: value }));
    expect(error.field).toBe(name);
  });

  it("refuses layers that slide without a window", async () => {
    const layer_types = Array.from({ length: 5 }, () => "sliding_attention");
    const error = await expectModelError("INVALID_CONFIG", () => parse({ layer_types }));
    expect(error.field).toBe("sliding_window");
  });
});
