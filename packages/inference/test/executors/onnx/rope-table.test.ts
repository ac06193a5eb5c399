import { describe, expect, test } from "vitest";
import { fillRopeRows, ropeTableBytes, rotaryFrequencies } from "../../../src/executors/onnx/rope-table.ts";

const PLAIN = { headDim: 4, ropeTheta: 100, ropeScaling: { type: "none" } } as const;

test("turns the first pair by one radian per position and the others ever slower", () => {
  expect([...rotaryFrequencies(PLAIN)]).toEqual([1, Math.fround(0.1)]);
});

test("fills rows by position", () => {
  const cos = new Float32Array(6);
  const sin = new Float32Array(6);
  const table = { positionCount: 3, cos, sin };
  fillRopeRows(PLAIN, table, { start: 2, end: 3 });
  expect(cos[0]).toBe(0);
  fillRopeRows(PLAIN, table, { start: 0, end: 2 });
  expect([...cos]).toEqual(
    [1, 1, Math.cos(1), Math.cos(0.1), Math.cos(2), Math.cos(0.2)].map((x) => expect.closeTo(x, 6)),
  );
  expect([...sin]).toEqual(
    [0, 0, Math.sin(1), Math.sin(0.1), Math.sin(2), Math.sin(0.2)].map((x) => expect.closeTo(x, 6)),
  );
  expect(ropeTableBytes(PLAIN, 3)).toBe(cos.byteLength + sin.byteLength);
});

test("stretches all alike with linear scaling", () => {
  const scaled = rotaryFrequencies({ ...PLAIN, ropeScaling: { type: "linear", factor: 4 } });
  expect([...scaled]).toEqual([0.25, Math.fround(Math.fround(0.1) / 4)]);
});

describe("llama3 scaling", () => {
  const ropeScaling = {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContextTokens: 64,
  } as const;
  const plain = rotaryFrequencies({ headDim: 16, ropeTheta: 10_000, ropeScaling: { type: "none" } });
  const scaled = rotaryFrequencies({ headDim: 16, ropeTheta: 10_000, ropeScaling });

  test("keeps what turns more often than the high factor in the original context", () => {
    expect(scaled[0]).toBe(plain[0]);
  });

  test("blends between the factors", () => {
    // Pair 1 turns 64 · 10000^(−1/8) / 2π = 3.22106 times; (3.22106 − 1) / (4 − 1) = 0.740354 of it is kept.
    expect(scaled[1]).toBeCloseTo((plain[1] ?? 0) * (0.740_354 + (1 - 0.740_354) / 8), 5);
  });

  test("stretches what turns less often than the low factor", () => {
    expect(scaled[7]).toBe(Math.fround((plain[7] ?? 0) / 8));
  });
});
