import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/sampling/random-stream.ts";

function take(seed: number | bigint, index: number, count: number): number[] {
  const random = new RandomStream(seed, index);
  return Array.from({ length: count }, () => random.nextUint32());
}

describe("RandomStream", () => {
  it("depends on seed and index alone", () => {
    expect(take(42, 3, 50)).toEqual(take(42, 3, 50));
    expect(take(42, 3, 4)).not.toEqual(take(42, 4, 4));
    expect(take(42, 3, 4)).not.toEqual(take(43, 3, 4));
    expect(take(0, 1, 4)).not.toEqual(take(1, 0, 4));
  });

  it("takes every integer as a seed, negative ones and all 64 bits of large ones too", () => {
    const seeds = [0, -1, 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 63n, 2n ** 63n + 1n];
    const starts = seeds.map((seed) => take(seed, 0, 2).join());
    expect(new Set(starts).size).toBe(seeds.length);
  });

  it("returns uniform numbers in [0, 1)", () => {
    const random = new RandomStream(7);
    const counts = new Float64Array(64);
    const drawCount = 64_000;
    for (let draw = 0; draw < drawCount; draw += 1) {
      const value = random.nextUniform();
      expect(value >= 0 && value < 1).toBe(true);
      counts[Math.floor(value * 64)]! += 1;
    }
    const expected = drawCount / 64;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: 103.4 is exceeded once in a thousand.
    expect(chiSquare).toBeLessThan(103.4);
  });

  it("returns uncorrelated streams of one seed", () => {
    const a = new RandomStream(5, 0);
    const b = new RandomStream(5, 1);
    let covariance = 0;
    const drawCount = 20_000;
    for (let draw = 0; draw < drawCount; draw += 1) {
      covariance += (a.nextUniform() - 0.5) * (b.nextUniform() - 0.5);
    }
    // The mean of such products has standard deviation 1/12/√n.
    expect(Math.abs(covariance / drawCount)).toBeLessThan((4 * (1 / 12)) / Math.sqrt(drawCount));
  });
});
