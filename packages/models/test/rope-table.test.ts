import { describe, expect, it } from "vitest";

import { createRopeTable, parseModelConfig, ropeFrequencies } from "../src/index.ts";
import type { ModelConfig } from "../src/index.ts";
import { expectModelError } from "./support/model-error.ts";

const configWith = (rope: object): ModelConfig =>
  parseModelConfig({
    config: {
      architectures: ["LlamaForCausalLM"],
      vocab_size: 320,
      hidden_size: 64,
      intermediate_size: 80,
      num_hidden_layers: 1,
      num_attention_heads: 4,
      max_position_embeddings: 256,
      rope_parameters: rope,
    },
  });

/** Printed by LlamaRotaryEmbedding of transformers 5.23.0 with torch 2.15.0, float32, positions 7, 200 and 100000. */
const GOLDEN = [
  {
    rope: { rope_type: "default", rope_theta: 10_000 },
    frequencies: [
      1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786, 0.00100000005, 0.000316227786,
    ],
    cos7: [
      0.753902256, -0.599437475, 0.764842212, 0.975599885, 0.997551024, 0.999755025, 0.999975502, 0.999997556,
    ],
    sin200: [
      -0.873297274, 0.401999027, 0.912945271, 0.0413587652, 0.909297407, 0.591127157, 0.198669329,
      0.0632034019,
    ],
    sin100000: [
      0.0357487984, -0.474421978, -0.305614382, 0.965138018, 0.826879561, 0.878672659, -0.506359041,
      0.205379441,
    ],
  },
  {
    rope: { rope_type: "linear", factor: 4, rope_theta: 10_000 },
    frequencies: [
      0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012,
      7.90569466e-5,
    ],
    cos7: [
      -0.178246051, 0.850743175, 0.984726548, 0.998469114, 0.999846876, 0.999984682, 0.99999845, 0.999999881,
    ],
    sin200: [
      -0.262374848, -0.10324046, -0.958924294, 0.999946535, 0.47942555, 0.157455906, 0.0499791689,
      0.0158107299,
    ],
    sin100000: [
      -0.713399351, 0.992374122, -0.65012753, -0.896537781, -0.970528007, -0.494387001, -0.132349864,
      0.998663187,
    ],
  },
  {
    rope: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
      rope_theta: 500_000,
    },
    frequencies: [
      1, 0.079403013, 0.00470075384, 0.000911583134, 0.000176776681, 3.42810235e-5, 6.64786967e-6,
      1.28917316e-6,
    ],
    cos7: [0.753902256, 0.849467516, 0.999458671, 0.999979615, 0.999999225, 1, 1, 1],
    sin200: [
      -0.873297274, -0.171783268, 0.80764699, 0.181308299, 0.0353479721, 0.00685615139, 0.00132957357,
      0.000257834618,
    ],
    sin100000: [
      0.0357487984, -0.997251213, -0.918202937, -0.0520993844, -0.921485662, -0.282605827, 0.616891503,
      0.128560528,
    ],
  },
];

describe("createRopeTable", () => {
  it.each(GOLDEN)(
    "equals transformers for $rope.rope_type",
    ({ rope, frequencies, cos7, sin200, sin100000 }) => {
      const config = configWith(rope);
      expectClose(ropeFrequencies(config), frequencies, 2e-7);
      const table = createRopeTable(config, 100_001);
      expect(table).toMatchObject({ positionCount: 100_001, halfDim: 8 });
      expectClose(table.cos.subarray(7 * 8, 8 * 8), cos7, 1e-6);
      expectClose(table.sin.subarray(200 * 8, 201 * 8), sin200, 2e-5);
      // One unit in the last place of a frequency is 100,000 times that of an angle.
      expectClose(table.sin.subarray(100_000 * 8, 100_001 * 8), sin100000, 1e-2);
    },
  );

  it("starts with no rotation", () => {
    const { cos, sin } = createRopeTable(configWith({ rope_type: "default" }), 1);
    expect([...cos]).toEqual(Array(8).fill(1));
    expect([...sin]).toEqual(Array(8).fill(0));
  });

  it("refuses a count that is not a positive integer", async () => {
    for (const count of [0, -1, 1.5, Number.NaN]) {
      const error = await expectModelError("INVALID_ARGUMENT", () => createRopeTable(configWith({}), count));
      expect(error.message).toContain(String(count));
    }
  });
});

function expectClose(found: Float32Array, wanted: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  for (const [index, value] of wanted.entries()) {
    const scale = Math.max(Math.abs(value), tolerance < 1e-6 ? 0 : 1);
    expect(Math.abs((found[index] ?? Number.NaN) - value) / scale).toBeLessThanOrEqual(tolerance);
  }
}
