import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { expectModelError } from "../../support/model-error.ts";

const base = {
  architectures: ["Olmo3ForCausalLM"],
  vocab_size: 100_278,
  hidden_size: 4096,
  intermediate_size: 11_008,
  num_hidden_layers: 5,
  num_attention_heads: 32,
  sliding_window: 4096,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });
const linear = { rope_type: "linear", factor: 8 };

describe("OLMo 3", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      qkNorm: "projection",
      slidingWindowTokens: [4096, 4096, 4096, undefined, 4096],
      layerRotary: [0, 0, 0, 1, 0],
      rotaries: [
        { dim: 128, theta: 5e5, scaling: { type: "none" } },
        { dim: 128, theta: 5e5, scaling: { type: "none" } },
      ],
      eosTokenIds: [50_279],
    });
  });

  it("reads rotation in the spellings of transformers 4 and 5: only full attention is scaled", () => {
    expect(parse({ rope_theta: 1e4, rope_scaling: linear }).rotaries).toEqual([
      { dim: 128, theta: 5e5, scaling: { type: "none" } },
      { dim: 128, theta: 1e4, scaling: { type: "linear", factor: 8 } },
    ]);
    const newer = {
      rope_parameters: {
        full_attention: { rope_theta: 1e6, ...linear },
        sliding_attention: { rope_theta: 1e4, rope_type: "default" },
      },
    };
    expect(parse(newer).rotaries).toEqual([
      { dim: 128, theta: 1e4, scaling: { type: "none" } },
      { dim: 128, theta: 1e6, scaling: { type: "linear", factor: 8 } },
    ]);
  });

  it("refuses one rotation for both types of layer", async () => {
    const error = await expectModelError("INVALID_CONFIG", () =>
      parse({ rope_parameters: { rope_type: "default", rope_theta: 1e4 } }),
    );
    expect(error.field).toBe("rope_parameters");
  });
});
