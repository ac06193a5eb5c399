import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { expectModelError } from "../../support/model-error.ts";

const base = {
  architectures: ["Cohere2ForCausalLM"],
  vocab_size: 256_000,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 5,
  num_attention_heads: 4,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("Cohere's Command R7B", () => {
  it("has the defaults of its config class: each fourth layer has no window and does not rotate", () => {
    expect(parse({})).toMatchObject({
      contextTokens: 8192,
      rotaries: [{ dim: 16, theta: 10_000 }],
      slidingWindowTokens: [4096, 4096, 4096, undefined, 4096],
      layerRotary: [0, 0, 0, undefined, 0],
      scales: { logits: 0.0625 },
      bosTokenId: 5,
      eosTokenIds: [255_001],
    });
  });

  it("reads the layers as older and newer configs spell them", () => {
    const wanted = [undefined, 0, undefined, 0, undefined];
    const types = wanted.map((rotary) => (rotary === 0 ? "sliding_attention" : "full_attention"));
    expect(parse({ layer_types: types, sliding_window: 8 }).layerRotary).toEqual(wanted);
    expect(parse({ sliding_window_pattern: 2 }).layerRotary).toEqual([0, undefined, 0, undefined, 0]);
    expect(parse({ rope_parameters: { rope_theta: 50_000 } }).rotaries[0]?.theta).toBe(50_000);
  });

  it("rotates nothing where no layer has a window", () => {
    expect(parse({ sliding_window: null })).toMatchObject({
      rotaries: [],
      layerRotary: Array.from({ length: 5 }, () => undefined),
    });
  });

  it("refuses norms of queries and keys, which its class has none of", async () => {
    const error = await expectModelError("UNSUPPORTED_ARCHITECTURE", () => parse({ use_qk_norm: true }));
    expect(error.field).toBe("use_qk_norm");
  });
});
