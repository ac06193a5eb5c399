#include "device.cuh"
// Every function of device.cuh, so that tests execute every instruction that kernels may use.

// 64 threads; out has 6 groups of 64 numbers, whole 4.
KERNEL(lanes, 64)(float *out, const float *in, int *whole) {
  const int i = threadIdx.x, lane = i % 32;
  const float v = in[i];
  out[i] = shuffle_xor(v, 5);
  out[64 + i] = shuffle(v, lane / 2);
  out[128 + i] = shuffle_up(v, 3);
  out[192 + i] = shuffle_down(v, 3);
  out[256 + i] = warp_sum(v);
  out[320 + i] = warp_max(v);
  whole[i] = (int)ballot(v > 0.f);
  whole[64 + i] = any_lane(v > 0.9f) + 2 * all_lanes(v > -0.5f);
  // The halves of a warp apart.
  const u32 half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
  if (lane < 16) whole[128 + i] = shuffle_xor(i, 1, half) + 1000;
  else whole[128 + i] = shuffle_xor(i, 2, half) + 2000;
  sync_warp();
  whole[192 + i] = shuffle(i, lane ^ 3);
}
// One thread for each number; out and whole have 12 groups of n.
KERNEL(arithmetic, 256)(float *out, int *whole, const float *in, const int *integers, int n, u32 unsigned_number, i64 wide, float scale) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float x = in[i];
  const int k = integers[i];
  out[0 * n + i] = rsqrtf(x);
  out[1 * n + i] = sqrtf(x);
  out[2 * n + i] = reciprocal(x);
  out[3 * n + i] = exp2f(x * scale);
  out[4 * n + i] = log2f(x);
  out[5 * n + i] = sin_approximate(x);
  out[6 * n + i] = cos_approximate(x);
  out[7 * n + i] = expf(-x) + logf(x);
  out[8 * n + i] = fmaf(x, 3.f, fminf(x, 1.f)) - fabsf(-x) / 3.f;
  out[9 * n + i] = floorf(x) + f16_to_float(float_to_f16(x)) * 1000.f;
  out[10 * n + i] = bf16_low(pack_bf16(x, -x)) + 1000.f * bf16_high(pack_bf16(x, -x));
  out[11 * n + i] = f16_high(pack_f16(x, x * 3.f)) + f16_low(pack_f16(-x, 0.f));
  whole[0 * n + i] = float_to_int_nearest(x * 10.f);
  whole[1 * n + i] = k / 7 * 1000 + k % 7;
  whole[2 * n + i] = (int)((u32)k / 10u) ^ (k >> 3) ^ (k << 5);
  whole[3 * n + i] = min(k, 100) + max(k, -100) + (int)max(unsigned_number, (u32)k);
  whole[4 * n + i] = dot_bytes((u32)k, 0x01ff7f80u, -5);
  whole[5 * n + i] = (int)((i64)k * wide >> 32);
  whole[6 * n + i] = (int)x + (int)(u32)(x * 7.f);
  whole[7 * n + i] = __builtin_popcount((u32)k) + 100 * (k ? __builtin_clz((u32)k) : 32);
  whole[8 * n + i] = (k & 0xff00) >> 8 | ((k & ~15) ^ 3);
  whole[9 * n + i] = (int)(float_bits(x) >> 16) + (int)float_to_bf16(x);
  whole[10 * n + i] = k > 5 && x < 2.f ? k : -k;
  whole[11 * n + i] = (int)(u8)k + (int)(i8)k + (int)(u16)k;
}
// A table in the module's own memory, and an array in the thread's.
__constant__ const float table[16] = {0.5f, -1.f, 2.f, 3.f, 4.f, 5.f, 6.f, 7.f, 8.f, 9.f, 10.f, 11.f, 12.f, 13.f, 14.f, -15.f};
KERNEL(arrays, 64)(float *out, const int *order) {
  float own[16];
  for (int k = 0; k < 16; k++) own[order[k] & 15] = table[k] + threadIdx.x;
  float sum = 0.f;
  for (int k = 0; k < 16; k++) sum = sum * 0.5f + own[(order[k] + (int)threadIdx.x) & 15];
  out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
KERNEL(atomics, 96)(int *counts, float *sum, u64 *largest, const int *values) {
  SHARED(int, local, 4);
  if (threadIdx.x < 4) local[threadIdx.x] = 0;
  sync_block();
  const int v = values[blockIdx.x * 96 + threadIdx.x];
  atomic_add(&local[v & 3], 1);
  atomic_max(&counts[4], v);
  atomic_add((u32 *)&counts[5], (u32)v);
  atomic_max(largest, (u64)v << 32 | threadIdx.x);
  atomic_add(sum, 0.5f);
  u32 seen = 0;
  for (;;) {
    const u32 found = atomic_compare_swap((u32 *)&counts[6], seen, seen + 2);
    if (found == seen) break;
    seen = found;
  }
  fence_device();
  sync_block();
  if (threadIdx.x < 4) atomic_add(&counts[threadIdx.x], local[threadIdx.x]);
}
// Named barriers: the warps of a block in two halves. Each half reverses its numbers.
KERNEL(halves, 128)(int *out) {
  SHARED(int, place, 128);
  const int half = threadIdx.x / 64, i = threadIdx.x % 64;
  place[threadIdx.x] = threadIdx.x * 3;
  if (half == 0) sync_threads<1>(64);
  else sync_threads<2>(64);
  out[threadIdx.x] = place[half * 64 + 63 - i];
}
// c(16, 8) = a(16, 16) · b(16, 8): a in rows, b in columns, of numbers of 16 bits.
template <bool Half> DEV void product(float *c, const u16 *a, const u16 *b) {
  DYNAMIC_SHARED(u16, tiles);
  const int lane = threadIdx.x;
  copy_async16(tiles + lane * 8, a + lane * 8);
  if (lane < 8 || lane >= 16) copy_async16(tiles + 256 + lane * 8, b + lane % 16 * 8, lane < 8);
  if (lane < 16) copy_async_cached<4>(tiles + 320 + lane * 2, b + 64 + lane * 2);
  else if (lane < 24) copy_async_cached<8>(tiles + 320 + 32 + (lane - 16) * 4, b + 96 + (lane - 16) * 4);
  copy_commit();
  copy_wait<0>();
  sync_warp();
  u32 left[4], right[2];
  load_matrix_x4(left, tiles + (lane & 15) * 16 + (lane >> 4) * 8);
  load_matrix_x2(right, tiles + 256 + (lane & 7) * 16 + ((lane >> 3) & 1) * 8);
  float sum[4] = {};
  if (Half) mma_f16(sum, left, right[0], right[1]);
  else mma_bf16(sum, left, right[0], right[1]);
  for (int k = 0; k < 4; k++) c[(lane / 4 + k / 2 * 8) * 8 + lane % 4 * 2 + k % 2] = sum[k];
}
KERNEL(product_bf16, 32)(float *c, const u16 *a, const u16 *b) { product<false>(c, a, b); }
KERNEL(product_f16, 32)(float *c, const u16 *a, const u16 *b) { product<true>(c, a, b); }
// The same with b in rows, through a transposing load, and a from memory.
KERNEL(product_transposed, 32)(float *c, const u16 *a, const u16 *b) {
  SHARED(uint4, tile, 16);
  const int lane = threadIdx.x;
  if (lane < 12) tile[lane] = lane < 8 ? load_stream(b + lane * 8) : load_read_only16(b + lane * 8);
  else if (lane < 16) {
    const uint2 first = load_stream8(b + lane * 8), second = load_read_only8(b + lane * 8 + 4);
    tile[lane] = {first.x, first.y, second.x, second.y};
  }
  sync_warp();
  u32 left[4], right[2];
  for (int k = 0; k < 4; k++) left[k] = *reinterpret_cast<const u32 *>(a + (lane / 4 + (k & 1) * 8) * 16 + lane % 4 * 2 + (k & 2) * 4);
  load_matrix_x2_transposed(right, tile + (lane & 15));
  float sum[4] = {};
  mma_bf16(sum, left, right[0], right[1]);
  for (int k = 0; k < 4; k++) c[(lane / 4 + k / 2 * 8) * 8 + lane % 4 * 2 + k % 2] = sum[k];
}
// c(16, 8) = a(16, 32) · b(32, 8) of signed bytes, b in columns.
KERNEL(product_int8, 32)(int *c, const i8 *a, const i8 *b) {
  const int lane = threadIdx.x;
  u32 left[4];
  for (int k = 0; k < 4; k++) left[k] = *reinterpret_cast<const u32 *>(a + (lane / 4 + (k & 1) * 8) * 32 + lane % 4 * 4 + (k & 2) * 8);
  const u32 *column = reinterpret_cast<const u32 *>(b + lane / 4 * 32);
  int sum[4] = {};
  mma_int8(sum, left, column[lane % 4], column[lane % 4 + 4]);
  for (int k = 0; k < 4; k++) c[(lane / 4 + k / 2 * 8) * 8 + lane % 4 * 2 + k % 2] = sum[k];
}
// As much shared memory as a launch asks for; the last block to finish adds up what the others left.
KERNEL(last_block, 64)(float *total, float *partial, u32 *finished, int n) {
  DYNAMIC_SHARED(float, kept);
  for (int i = threadIdx.x; i < n; i += blockDim.x) kept[i] = (float)i;
  sync_block();
  float sum = 0.f;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += kept[n - 1 - i];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) partial[blockIdx.x * 2 + threadIdx.x / 32] = sum;
  sync_block();
  if (threadIdx.x != 0) return;
  fence_device();
  if (atomic_add(finished, 1u) != gridDim.x - 1) return;
  float all = 0.f;
  for (u32 i = 0; i < 2 * gridDim.x; i++) all += partial[i];
  *total = all;
}
