// sum = x + delta; out = sum / sqrt(mean(sum²) + epsilon) · weight, of each row.
//
// x, delta, sum (rows, width) float32; delta may be null, sum may be x, and sum is not written where it is null; weight
// (width) float32; out (rows, width) float32, or bf16 or f16 for products that read 16 bits. Rows: counts[0] · factor.
// Any width; four numbers at once where it is a multiple of 4. 256 threads; grid (rows).
#include "number-types.cuh"

template <class T> DEV void store4(typename T::stored *to, float4 v) {
  if constexpr (T::per16 == 8) store8(to, {T::pack(v.x, v.y), T::pack(v.z, v.w)});
  else store_float4(to, v);
}

template <class T>
DEV void add_rms_norm(typename T::stored *out, float *sum, const float *x, const float *delta, const float *weight, const int *counts, int factor, int width, float epsilon) {
  SHARED(float, partial, 8);
  const int row = blockIdx.x;
  if (row >= counts[0] * factor) return;
  const i64 at = (i64)row * width;
  const bool by_four = width % 4 == 0;
  float squares = 0.f;
  if (by_four) {
#pragma unroll 1
    for (int i = threadIdx.x * 4; i < width; i += 1024) {
      float4 v = load_float4(x + at + i);
      if (delta) {
        const float4 d = load_float4(delta + at + i);
        v = {v.x + d.x, v.y + d.y, v.z + d.z, v.w + d.w};
      }
      if (sum) store_float4(sum + at + i, v);
      squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
    }
  } else {
#pragma unroll 1
    for (int i = threadIdx.x; i < width; i += 256) {
      const float v = delta ? x[at + i] + delta[at + i] : x[at + i];
      if (sum) sum[at + i] = v;
      squares += v * v;
    }
  }
  squares = warp_sum(squares);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = squares;
  sync_block();
  squares = 0.f;
#pragma unroll
  for (int warp = 0; warp < 8; warp++) squares += partial[warp];
  const float scale = rsqrtf(squares / width + epsilon);
  // Each thread reads again what it wrote itself.
  const float *from = sum ? sum : x, *added = sum ? nullptr : delta;
  if (by_four) {
#pragma unroll 1
    for (int i = threadIdx.x * 4; i < width; i += 1024) {
      float4 v = load_float4(from + at + i);
      const float4 w = load_float4(weight + i);
      if (added) {
        const float4 d = load_float4(added + at + i);
        v = {v.x + d.x, v.y + d.y, v.z + d.z, v.w + d.w};
      }
      store4<T>(out + at + i, {v.x * scale * w.x, v.y * scale * w.y, v.z * scale * w.z, v.w * scale * w.w});
    }
  } else {
#pragma unroll 1
    for (int i = threadIdx.x; i < width; i += 256) {
      const float v = added ? from[at + i] + added[at + i] : from[at + i];
      out[at + i] = T::narrow(v * scale * weight[i]);
    }
  }
}

#define ADD_RMS_NORM(name, T) \
  KERNEL(name, 256)(T::stored *out, float *sum, const float *x, const float *delta, const float *weight, const int *counts, int factor, int width, float epsilon) { \
    add_rms_norm<T>(out, sum, x, delta, weight, counts, factor, width, epsilon); \
  }
ADD_RMS_NORM(add_rms_norm_f32, F32)
ADD_RMS_NORM(add_rms_norm_bf16, Bf16)
ADD_RMS_NORM(add_rms_norm_f16, F16)
