#include "device.cuh"
// Norms of groups of `size` features: x, out (rows, groups, size). grid (rows, groups), threads a multiple of 32.
// weight and bias: (size), or (groups, size) where `weight_stride` is `size`; bias may be null. Rows: counts[0] · factor.
DEV float block_sum(float x, float *partial) {
  x = warp_sum(x);
  if ((threadIdx.x & 31) == 0) partial[threadIdx.x / 32] = x;
  sync_block();
  x = 0.f;
  for (int i = 0; i < (int)blockDim.x / 32; i++) x += partial[i];
  return x;
}
// x / sqrt(mean(x²) + epsilon) ⊙ weight
KERNEL(rms_norm, 256)(float *out, const float *x, const float *weight, const float *bias, const int *counts, int factor,
                      int size, int weight_stride, float epsilon) {
  SHARED(float, partial, 8);
  if ((int)blockIdx.x >= counts[0] * factor) return;
  const i64 at = ((i64)blockIdx.x * gridDim.y + blockIdx.y) * size;
  const int first = blockIdx.y * weight_stride;
  float sum = 0.f;
  for (int i = threadIdx.x; i < size; i += blockDim.x) sum += x[at + i] * x[at + i];
  const float scale = rsqrtf(block_sum(sum, partial) / (float)size + epsilon);
  for (int i = threadIdx.x; i < size; i += blockDim.x) {
    const float y = x[at + i] * scale * weight[first + i];
    out[at + i] = bias ? y + bias[first + i] : y;
  }
}
// (x − mean) / sqrt(variance + epsilon) ⊙ weight + bias
KERNEL(layer_norm, 256)(float *out, const float *x, const float *weight, const float *bias, const int *counts, int factor,
                        int size, int weight_stride, float epsilon) {
  SHARED(float, sums, 8);
  SHARED(float, squares, 8);
  if ((int)blockIdx.x >= counts[0] * factor) return;
  const i64 at = ((i64)blockIdx.x * gridDim.y + blockIdx.y) * size;
  const int first = blockIdx.y * weight_stride;
  float sum = 0.f;
  for (int i = threadIdx.x; i < size; i += blockDim.x) sum += x[at + i];
  const float mean = block_sum(sum, sums) / (float)size;
  float square = 0.f;
  for (int i = threadIdx.x; i < size; i += blockDim.x) square += (x[at + i] - mean) * (x[at + i] - mean);
  const float scale = rsqrtf(block_sum(square, squares) / (float)size + epsilon);
  for (int i = threadIdx.x; i < size; i += blockDim.x) {
    const float y = (x[at + i] - mean) * scale * weight[first + i];
    out[at + i] = bias ? y + bias[first + i] : y;
  }
}
