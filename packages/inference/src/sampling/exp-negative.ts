const stepsPerOctave = 256;
const stepsPerUnit = stepsPerOctave * Math.LOG2E;
const unitsPerStep = Math.LN2 / stepsPerOctave;
const least = -88;
/** 2^(−i), and 2^(−j/256). */
const powers: Float64Array = Float64Array.from({ length: 128 }, (_, i) => 2 ** -i);
const fractions: Float64Array = Float64Array.from(
  { length: stepsPerOctave },
  (_, j) => 2 ** (-j / stepsPerOctave),
);

/**
 * Computes exp(x) for x ≤ 0 with a relative error below 10⁻¹², and 0 below −88; about three times as fast as
 * `Math.exp`, which matters at 150,000 calls per token.
 */
export function expNegative(x: number): number {
  if (!(x >= least)) return 0;
  const steps = -x * stepsPerUnit;
  const whole = (steps + 0.5) | 0;
  const rest = (whole - steps) * unitsPerStep;
  // |rest| ≤ ln 2 / 512: the series to the third power is exact to 1.5 · 10⁻¹³.
  const series = 1 + rest * (1 + rest * (0.5 + rest / 6));
  return powers[whole >> 8]! * fractions[whole & (stepsPerOctave - 1)]! * series;
}
