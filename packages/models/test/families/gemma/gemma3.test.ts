import { describe, expect, it } from "vitest";

import { parseModelConfig } from "../../../src/index.ts";
import type { ModelConfig } from "../../../src/index.ts";
import { expectModelError } from "../../support/model-error.ts";

const base = {
  architectures: ["Gemma3ForCausalLM"],
  vocab_size: 262_144,
  hidden_size: 640,
  intermediate_size: 2048,
  num_hidden_layers: 7,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  sliding_window: 512,
};
const parse = (fields: object): ModelConfig => parseModelConfig({ config: { ...base, ...fields } });

describe("Gemma 3", () => {
  it("has the defaults of its config class", () => {
    expect(parse({})).toMatchObject({
      headDim: 256,
      contextTokens: 131_072,
      attentionScale: 1 / 16,
      attentionSoftCap: undefined,
      logitSoftCap: undefined,
      activation: "gelu_tanh",
      norm: { kind: "rms", epsilon: 1e-6, weightOffset: 1, hasBias: false },
      hasTiedEmbeddings: true,
      qkNorm: "head",
      eosTokenIds: [1],
      bosTokenId: 2,
      scales: { embedding: Math.sqrt(640), residual: 1, logits: 1 },
      slidingWindowTokens: [512, 512, 512, 512, 512, undefined, 512],
      layerRotary: [0, 0, 0, 0, 0, 1, 0],
      rotaries: [
        { dim: 256, theta: 1e4, scaling: { type: "none" } },
        { dim: 256, theta: 1e6, scaling: { type: "none" } },
      ],
    });
  });

  it("reads rotation in the spellings of transformers 4 and 5: only full attention is scaled", () => {
    const scaling = { rope_type: "linear", factor: 8 };
    const older = { rope_theta: 5e5, rope_local_base_freq: 2e4, rope_scaling: scaling };
    const newer = {
      rope_parameters: {
        full_attention: { rope_theta: 5e5, ...scaling },
        sliding_attention: { rope_theta: 2e4, rope_type: "default" },
      },
    };
    for (const fields of [older, newer]) {
      expect(parse(fields).rotaries).toEqual([
        { dim: 256, theta: 2e4, scaling: { type: "none" } },
        { dim: 256, theta: 5e5, scaling: { type: "linear", factor: 8 } },
      ]);
    }
  });

  it("reads which layers slide, and has no rotation that no layer uses", () => {
    const listed = parse({ num_hidden_layers: 2, layer_types: ["full_attention", "full_attention"] });
    expect(listed).toMatchObject({ slidingWindowTokens: [undefined, undefined], layerRotary: [0, 0] });
    expect(listed.rotaries).toHaveLength(1);
    expect(parse({ sliding_window_pattern: 2, num_hidden_layers: 3 }).layerRotary).toEqual([0, 1, 0]);
  });

  it("refuses an encoder and numbers that are none", async () => {
    const encoder = await expectModelError("UNSUPPORTED_ARCHITECTURE", () =>
      parse({ use_bidirectional_attention: true }),
    );
    expect(encoder.field).toBe("use_bidirectional_attention");
    const scalar = await expectModelError("INVALID_CONFIG", () => parse({ query_pre_attn_scalar: 0 }));
    expect(scalar.field).toBe("query_pre_attn_scalar");
  });
});
