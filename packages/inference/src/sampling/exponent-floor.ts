/** exp(−50) · 2¹⁸ is below 2⁻⁵³, the resolution of a uniform number. */
const negligibleExponent = -50;

/** The exponent below which no token has a weight: ln(min-p), or one that makes no difference. */
export function exponentFloorOf(minP: number): number {
  return minP > 0 ? Math.max(Math.log(minP), negligibleExponent) : negligibleExponent;
}
