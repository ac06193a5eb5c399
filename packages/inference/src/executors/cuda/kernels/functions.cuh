// Functions that PTX has no instruction for. Infinities are not used (-ffast-math).
#pragma once
#include "device.cuh"
// Less than any score.
#define LEAST_SCORE -1e30f

DEV float logistic(float x) { return 1.f / (1.f + expf(-x)); }
// Near 0 by its series: the quotient would lose the digits of small numbers.
DEV float tanhf(float x) {
  const float a = fabsf(x);
  if (a < 0.25f) {
    const float s = x * x;
    return x * (1.f + s * (-0.33333333f + s * (0.13333333f + s * (-0.053968254f + s * 0.021869489f))));
  }
  const float e = expf(-2.f * a), t = (1.f - e) / (1.f + e);
  return x < 0.f ? -t : t;
}
// Abramowitz and Stegun, 7.1.26: within 1.5e-7.
DEV float erff(float x) {
  const float a = fabsf(x), t = 1.f / (1.f + 0.3275911f * a);
  const float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const float r = 1.f - p * expf(-a * a);
  return x < 0.f ? -r : r;
}
DEV float soft_cap(float x, float cap) { return cap * tanhf(x / cap); }
