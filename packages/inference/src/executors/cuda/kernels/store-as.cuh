// Values in the type that a launch names: 0 float32, 1 bf16, 2 f16, which keeps what is too large as its largest number.
#pragma once
#include "device.cuh"

DEV float limit_f16(float x) { return x > 65504.f ? 65504.f : x < -65504.f ? -65504.f : x; }
DEV void store_as(void *out, i64 at, float x, int type) {
  if (type == 0) ((float *)out)[at] = x;
  else ((u16 *)out)[at] = type == 1 ? float_to_bf16(x) : float_to_f16(limit_f16(x));
}
// Two neighbours; `at` is even.
DEV void store2_as(void *out, i64 at, float2 v, int type) {
  if (type == 0) store_float2((float *)out + at, v);
  else *reinterpret_cast<u32 *>((u16 *)out + at) = type == 1 ? pack_bf16(v.x, v.y) : pack_f16(limit_f16(v.x), limit_f16(v.y));
}
