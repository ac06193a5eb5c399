import { describe, expect, it } from "vitest";
import { expNegative } from "../../src/sampling/exp-negative.ts";

describe("expNegative", () => {
  it("is exp to twelve digits", () => {
    let worst = 0;
    for (let x = 0; x > -88; x -= 0.000_97) {
      worst = Math.max(worst, Math.abs(expNegative(x) / Math.exp(x) - 1));
    }
    expect(worst).toBeLessThan(1e-12);
    expect(expNegative(0)).toBe(1);
  });

  it("is 0 where nothing is left", () => {
    expect([-88.1, -1e9, -Infinity, Number.NaN].map(expNegative)).toEqual([0, 0, 0, 0]);
  });
});
