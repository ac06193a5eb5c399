import { readFileSync } from "node:fs";
import { parseModelConfig, type Rotary } from "@infernode/models";
import { describe, expect, test } from "vitest";
import { fillRopeRows, frequencySets, ropeTableBytes } from "../../../src/executors/rotation/rope-table.ts";

const firstFrequencies = (rotary: Rotary): Float32Array => frequencySets(rotary)[0]!;
const plainRope = { dim: 4, theta: 100, scaling: { type: "none" } } as const;

test("turns the first pair by one radian per position and the others ever slower", () => {
  expect([...firstFrequencies(plainRope)]).toEqual([1, Math.fround(0.1)]);
});

test("fills rows by position", () => {
  const cos = new Float32Array(6);
  const sin = new Float32Array(6);
  const table = { rowCount: 3, cos, sin };
  fillRopeRows(plainRope, table, { start: 2, end: 3 });
  expect(cos[0]).toBe(0);
  fillRopeRows(plainRope, table, { start: 0, end: 2 });
  expect([...cos]).toEqual(
    [1, 1, Math.cos(1), Math.cos(0.1), Math.cos(2), Math.cos(0.2)].map((x) => expect.closeTo(x, 6)),
  );
  expect([...sin]).toEqual(
    [0, 0, Math.sin(1), Math.sin(0.1), Math.sin(2), Math.sin(0.2)].map((x) => expect.closeTo(x, 6)),
  );
  const sizes = { contextTokens: 3, maxChunkTokens: 2, maxSequences: 4 };
  expect(ropeTableBytes({ rotaries: [plainRope] }, sizes)).toBe(cos.byteLength + sin.byteLength);
});

test("stretches all alike with linear scaling", () => {
  const scaled = firstFrequencies({ ...plainRope, scaling: { type: "linear", factor: 4 } });
  expect([...scaled]).toEqual([0.25, Math.fround(Math.fround(0.1) / 4)]);
});

describe("llama3 scaling", () => {
  const scaling = {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContextTokens: 64,
  } as const;
  const plain = firstFrequencies({ dim: 16, theta: 10_000, scaling: { type: "none" } });
  const scaled = firstFrequencies({ dim: 16, theta: 10_000, scaling });

  test("keeps frequencies above the high factor", () => {
    expect(scaled[0]).toBe(plain[0]);
  });

  test("blends between the factors", () => {
    // Pair 1 turns 64 · 10000^(−1/8) / 2π = 3.22106 times; (3.22106 − 1) / (4 − 1) = 0.740354 of it is kept.
    expect(scaled[1]).toBeCloseTo((plain[1] ?? 0) * (0.740_354 + (1 - 0.740_354) / 8), 5);
  });

  test("scales frequencies below the low factor", () => {
    expect(scaled[7]).toBe(Math.fround((plain[7] ?? 0) / 8));
  });
});

/** Printed by LlamaRotaryEmbedding of transformers 5.23.0 with torch 2.15.0, float32, positions 7, 200 and 100000. */
const golden = [
  {
    theta: 10_000,
    scaling: { type: "none" },
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
    theta: 10_000,
    scaling: { type: "linear", factor: 4 },
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
    theta: 500_000,
    scaling: {
      type: "llama3",
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextTokens: 64,
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
] as const;

describe("angles of transformers", () => {
  test.each(golden)("$scaling.type", ({ theta, scaling, frequencies, cos7, sin200, sin100000 }) => {
    const rotary = { dim: 16, theta, scaling };
    expectClose(firstFrequencies(rotary), frequencies, 2e-7);
    const positionCount = 100_001;
    const table = {
      rowCount: positionCount,
      cos: new Float32Array(positionCount * 8),
      sin: new Float32Array(positionCount * 8),
    };
    fillRopeRows(rotary, table, { start: 0, end: positionCount });
    expectClose(table.cos.subarray(7 * 8, 8 * 8), cos7, 1e-6);
    expectClose(table.sin.subarray(200 * 8, 201 * 8), sin200, 2e-5);
    // One unit in the last place of a frequency is 100,000 times that of an angle.
    expectClose(table.sin.subarray(100_000 * 8, 100_001 * 8), sin100000, 1e-2);
  });
});

interface RopeGolden {
  readonly name: string;
  readonly config: object;
  readonly attentionFactor: number;
  readonly frequencies: readonly number[];
  /** Past the original length, where they are others. */
  readonly longFrequencies?: readonly number[];
}

describe("configs mean the frequencies and factors of transformers", () => {
  const file = new URL("../../../../../test/fixtures/golden/rope-parameters.json", import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly RopeGolden[] };
  test.each(cases)("$name", ({ config, attentionFactor, frequencies, longFrequencies }) => {
    const { rotaries } = parseModelConfig({ config });
    const wanted = [frequencies, longFrequencies].filter((each) => each !== undefined);
    const found = frequencySets(rotaries[0]!);
    expect(found).toHaveLength(wanted.length);
    for (const [index, each] of wanted.entries()) expectClose(found[index]!, each, 2e-7);
    const table = {
      rowCount: 1,
      cos: new Float32Array(frequencies.length),
      sin: new Float32Array(frequencies.length),
    };
    fillRopeRows(rotaries[0]!, table, { start: 0, end: 1 });
    expect(table.cos[0]).toBeCloseTo(attentionFactor, 6);
  });
});

function expectClose(found: Float32Array, wanted: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  for (const [index, value] of wanted.entries()) {
    const scale = Math.max(Math.abs(value), tolerance < 1e-6 ? 0 : 1);
    expect(Math.abs((found[index] ?? Number.NaN) - value) / scale).toBeLessThanOrEqual(tolerance);
  }
}
