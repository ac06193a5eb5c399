// What the lanes of a warp do together with integers of 64 bits.
#pragma once
#include "device.cuh"
DEV u64 shuffle_xor64(u64 x, int mask) { return (u64)shuffle_xor((u32)(x >> 32), mask) << 32 | shuffle_xor((u32)x, mask); }
DEV u64 shuffle64(u64 x, int lane) { return (u64)shuffle((u32)(x >> 32), lane) << 32 | shuffle((u32)x, lane); }
DEV u64 warp_sum64(u64 x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += shuffle_xor64(x, distance);
  return x;
}
// The sum over the lanes up to and with this one.
DEV u64 warp_scan64(u64 x) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const u64 before = shuffle64(x, max(0, lane - distance));
    if (lane >= distance) x += before;
  }
  return x;
}
DEV u64 warp_max64(u64 x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    const u64 other = shuffle_xor64(x, distance);
    x = other > x ? other : x;
  }
  return x;
}
