#include "device.cuh"
// Wrong on purpose, one fault each: tests that do not find them are no tests.
KERNEL(missing_barrier, 128)(float *out, const float *in) {
  SHARED(float, place, 128);
  place[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = place[(threadIdx.x + 32) & 127];
}
KERNEL(warp_synchronous, 32)(float *out, const float *in) {
  SHARED(volatile float, place, 32);
  place[threadIdx.x] = in[threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2)
    if ((int)threadIdx.x < distance) place[threadIdx.x] += place[threadIdx.x + distance];
  if (threadIdx.x == 0) out[0] = place[0];
}
KERNEL(missing_warp_barrier, 32)(float *out, const float *in) {
  SHARED(float, place, 32);
  place[threadIdx.x] = in[threadIdx.x];
  const float one = shuffle(1.f, 0);
  out[threadIdx.x] = place[31 - threadIdx.x] * one;
}
KERNEL(blocks_write_one_address, 32)(float *out, const float *in) { out[threadIdx.x] = in[threadIdx.x] + blockIdx.x; }
KERNEL(divergent_barrier, 32)(float *out, const float *in) {
  if (threadIdx.x < 16) {
    out[threadIdx.x] = in[threadIdx.x];
    sync_block();
  } else {
    sync_block();
    out[threadIdx.x] = 1.f;
  }
}
KERNEL(lanes_that_never_come, 32)(float *out, const float *in) {
  if (threadIdx.x < 16) out[threadIdx.x] = warp_sum(in[threadIdx.x]);
  else sync_block();
}
KERNEL(missing_wait, 32)(float *out, const float *in) {
  SHARED(uint4, tile, 8);
  if (threadIdx.x < 8) copy_async16(&tile[threadIdx.x], in + threadIdx.x * 4);
  copy_commit();
  sync_block();
  out[threadIdx.x] = reinterpret_cast<float *>(tile)[threadIdx.x];
}
KERNEL(out_of_bounds, 32)(float *out, const float *in) { out[threadIdx.x] = in[threadIdx.x + 64]; }
KERNEL(write_out_of_bounds, 32)(float *out, const float *in) { out[threadIdx.x * 1000] = in[threadIdx.x]; }
KERNEL(shared_out_of_bounds, 32)(float *out, const float *in) {
  SHARED(float, place, 32);
  place[threadIdx.x] = in[threadIdx.x];
  sync_block();
  out[threadIdx.x] = place[threadIdx.x + (u32)in[0] + 32];
}
KERNEL(misaligned_vector, 32)(float *out, const float *in) {
  if (threadIdx.x == 0) *reinterpret_cast<float4 *>(out + 1) = *reinterpret_cast<const float4 *>(in);
}
KERNEL(uninitialised_shared, 32)(float *out, const float *in) {
  SHARED(float, place, 32);
  if (threadIdx.x & 1) place[threadIdx.x] = in[threadIdx.x];
  sync_block();
  out[threadIdx.x] = place[threadIdx.x];
}
KERNEL(uninitialised_global, 32)(float *out, const float *in) { out[threadIdx.x] = out[threadIdx.x] + in[threadIdx.x]; }
// Right: the barrier that the one above lacks.
KERNEL(with_warp_barrier, 32)(float *out, const float *in) {
  SHARED(float, place, 32);
  place[threadIdx.x] = in[threadIdx.x];
  sync_warp();
  out[threadIdx.x] = place[31 - threadIdx.x];
}
