// The types of stored numbers: how many there are in 16 bytes, and how they are read and written as float32.
#pragma once
#include "device.cuh"

DEV bool is_aligned16(const void *p) { return ((u64)p & 15) == 0; }
DEV bool is_aligned8(const void *p) { return ((u64)p & 7) == 0; }

struct Bf16 {
  typedef u16 stored;
  static constexpr int per16 = 8;
  static DEV float wide(u16 x) { return bf16_to_float(x); }
  static DEV u16 narrow(float x) { return float_to_bf16(x); }
  static DEV float low(u32 x) { return bf16_low(x); }
  static DEV float high(u32 x) { return bf16_high(x); }
  static DEV u32 pack(float low, float high) { return pack_bf16(low, high); }
  static DEV void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_bf16(d, a, b0, b1); }
};
// What is too large for f16 becomes its largest number.
struct F16 {
  typedef u16 stored;
  static constexpr int per16 = 8;
  static DEV float limit(float x) { return x > 65504.f ? 65504.f : x < -65504.f ? -65504.f : x; }
  static DEV float wide(u16 x) { return f16_to_float(x); }
  static DEV u16 narrow(float x) { return float_to_f16(limit(x)); }
  static DEV float low(u32 x) { return f16_low(x); }
  static DEV float high(u32 x) { return f16_high(x); }
  static DEV u32 pack(float low, float high) { return pack_f16(limit(low), limit(high)); }
  static DEV void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_f16(d, a, b0, b1); }
};
struct F32 {
  typedef float stored;
  static constexpr int per16 = 4;
  static DEV float wide(float x) { return x; }
  static DEV float narrow(float x) { return x; }
};

// Eight neighbours of 16 bits from a multiple of 16 bytes.
template <class T> DEV void load8(float (&out)[8], const u16 *p) {
  const uint4 v = load16(p);
  const u32 w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; i++) { out[2 * i] = T::low(w[i]); out[2 * i + 1] = T::high(w[i]); }
}
