#include "device.cuh"
// Accesses with known patterns: what counting them must give is in test/cuda/memory-counts.test.ts.
KERNEL(global_pattern, 64)(float *out, const float *in, int stride, int offset) { out[threadIdx.x * stride] = in[threadIdx.x * stride + offset]; }
KERNEL(global_broadcast, 32)(float *out, const float *in) { out[threadIdx.x] = in[0]; }
KERNEL(global_bytes, 32)(u8 *out, const u8 *in) { out[threadIdx.x] = in[threadIdx.x]; }
// A structure that is copied is two accesses of 8 bytes.
KERNEL(global_vectors, 32)(float4 *out, const float4 *in) {
  const float4 v = in[threadIdx.x];
  out[threadIdx.x] = {v.x + 1.f, v.y + 1.f, v.z + 1.f, v.w + 1.f};
}
KERNEL(shared_pattern, 32)(float *out, int stride, int share) {
  SHARED(float, place, 33 * 32);
  place[threadIdx.x * stride] = 1.f;
  sync_block();
  out[threadIdx.x] = place[threadIdx.x / share * stride];
}
KERNEL(shared_bytes, 32)(float *out) {
  SHARED(volatile u8, place, 32);
  place[threadIdx.x] = 1;
  sync_block();
  out[threadIdx.x] = place[threadIdx.x];
}
KERNEL(shared_pairs, 32)(float2 *out, int stride) {
  SHARED(float2, place, 32 * 17);
  place[threadIdx.x * stride] = {1.f, 2.f};
  sync_block();
  const float2 v = place[(threadIdx.x ^ 1) * stride];
  out[threadIdx.x] = {v.x + 1.f, v.y + 1.f};
}
KERNEL(shared_vectors, 32)(uint4 *out, int stride) {
  SHARED(uint4, place, 32 * 9);
  place[threadIdx.x * stride] = {1, 2, 3, 4};
  sync_block();
  const uint4 v = place[(threadIdx.x ^ 1) * stride];
  out[threadIdx.x] = {v.x + 1, v.y + 1, v.z + 1, v.w + 1};
}
// Rows of 64 bytes: the four of a column of a matrix are 16 bytes each, in different banks where they are swizzled.
KERNEL(matrices, 32)(u32 *out, int swizzled) {
  SHARED(uint4, tile, 32 * 4);
  for (int i = threadIdx.x; i < 32 * 4; i += 32) tile[i] = {1, 2, 3, 4};
  sync_block();
  u32 r[4], pair[2];
  const int row = threadIdx.x, chunk = swizzled ? row >> 1 & 3 : 0;
  load_matrix_x4(r, tile + row * 4 + chunk);
  load_matrix_x2(pair, tile + row * 4 + chunk);
  out[threadIdx.x] = r[0] + r[1] + r[2] + r[3] + pair[0] + pair[1];
}
KERNEL(async_copy, 32)(uint4 *out, const uint4 *in, int stride, int valid) {
  SHARED(uint4, place, 32 * 8);
  copy_async16(&place[threadIdx.x * stride], in + threadIdx.x, (int)threadIdx.x < valid);
  copy_commit();
  copy_wait<0>();
  out[threadIdx.x] = place[threadIdx.x * stride];
}
// Each lane runs an inner loop lane % 2 + 1 times in each of four rounds, and one half of a round's lanes takes a branch: the
// first 16 in even rounds, the others in odd ones.
KERNEL(divergent, 32)(float *out, const float *in) {
  float sum = 0.f;
#pragma unroll 1
  for (int round = 0; round < 4; round++) {
#pragma unroll 1
    for (int i = 0; i <= (int)threadIdx.x % 2; i++) sum += reinterpret_cast<const volatile float *>(in)[threadIdx.x + 32 * i];
    if ((threadIdx.x / 16 + round) % 2 == 0) sum += reinterpret_cast<const volatile float *>(in)[64 + threadIdx.x];
  }
  out[threadIdx.x] = sum;
}
KERNEL(product, 32)(float *out) {
  float sums[4] = {};
  const u32 a[4] = {1, 2, 3, 4};
#pragma unroll 1
  for (int i = 0; i < 3; i++) mma_bf16(sums, a, 5, 6);
  out[threadIdx.x] = sums[0] + sums[1] + sums[2] + sums[3];
}
KERNEL(shared_atomics, 64)(u32 *out) {
  SHARED(u32, place, 64);
  place[threadIdx.x] = 0;
  sync_block();
  atomic_add(&place[threadIdx.x], 1u);
  sync_block();
  out[threadIdx.x] = place[threadIdx.x];
}
