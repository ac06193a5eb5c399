// Numbers of 16 bits, and reductions; the same on the device and where it is emulated.
#pragma once
DEV float bf16_low(u32 x) { return float_from_bits(x << 16); }
DEV float bf16_high(u32 x) { return float_from_bits(x & 0xffff0000u); }
DEV float bf16_to_float(u16 x) { return float_from_bits((u32)x << 16); }
DEV u16 float_to_bf16(float x) { return (u16)pack_bf16(x, 0.f); }
DEV float f16_low(u32 x) { return f16_to_float((u16)x); }
DEV float f16_high(u32 x) { return f16_to_float((u16)(x >> 16)); }
DEV float expf(float x) { return exp2f(x * 1.44269504088896341f); }
DEV float logf(float x) { return log2f(x) * 0.693147180559945309f; }

// All lanes get the result; all 32 must call.
DEV float warp_sum(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += shuffle_xor(x, distance);
  return x;
}
DEV float warp_max(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x = fmaxf(x, shuffle_xor(x, distance));
  return x;
}
