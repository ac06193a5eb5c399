const STEPS = 256;
const STEPS_PER_UNIT = STEPS * Math.LOG2E;
const UNITS_PER_STEP = Math.LN2 / STEPS;
const LEAST = -88;
/** 2^(−i), and 2^(−j/256). */
const POWERS: Float64Array = Float64Array.from({ length: 128 }, (_, i) => 2 ** -i);
const FRACTIONS: Float64Array = Float64Array.from({ length: STEPS }, (_, j) => 2 ** (-j / STEPS));

/**
 * exp(x) for x ≤ 0 with a relative error below 10⁻¹², 0 below −88; about three times as fast as
 * `Math.exp`, which counts at 150,000 of them for a token.
 */
export function expNegative(x: number): number {
  if (!(x >= LEAST)) return 0;
  const steps = -x * STEPS_PER_UNIT;
  const whole = (steps + 0.5) | 0;
  const rest = (whole - steps) * UNITS_PER_STEP;
  // |rest| ≤ ln 2 / 512: the series to the third power is exact to 1.5 · 10⁻¹³.
  const series = 1 + rest * (1 + rest * (0.5 + rest / 6));
  return POWERS[whole >> 8]! * FRACTIONS[whole & (STEPS - 1)]! * series;
}
