#include "device.cuh"
// out[row][i] = x[row][i] / sqrt(mean(x[row]²) + epsilon) · weight[i]. grid (rows), any count of threads that is a multiple of 32.
KERNEL(rms_norm_f32, 256)(float *out, const float *x, const float *weight, int width, float epsilon) {
  SHARED(float, partial, 8);
  const float *row = x + (i64)blockIdx.x * width;
  float sum = 0.f;
  for (int i = threadIdx.x; i < width; i += blockDim.x) sum += row[i] * row[i];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
  sync_block();
  sum = 0.f;
  for (u32 warp = 0; warp < blockDim.x / 32; warp++) sum += partial[warp];
  const float scale = rsqrtf(sum / width + epsilon);
  for (int i = threadIdx.x; i < width; i += blockDim.x) out[(i64)blockIdx.x * width + i] = row[i] * scale * weight[i];
}
