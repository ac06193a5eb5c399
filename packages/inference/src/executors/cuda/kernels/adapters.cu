#include "device.cuh"
// What adapters add to products, of tokens that have one: places[token] is the adapter's place from 1 on, 0 for none.
// down (places, rank, in), up (places, rank, out); rows of a smaller rank are 0. counts[0]: tokens.

// out[token][r] = x[token] · down[place][r]: x (tokens, width), out (tokens, rank). grid (tokens, rank), 32 threads.
KERNEL(adapter_down, 32)(float *out, const float *x, const float *down, const int *places, const int *counts, int rank, int width) {
  const int token = blockIdx.x, r = blockIdx.y;
  if (token >= counts[0] || places[token] == 0) return;
  const float *row = down + ((i64)(places[token] - 1) * rank + r) * width;
  float sum = 0.f;
  for (int i = threadIdx.x; i < width; i += 32) sum += x[(i64)token * width + i] * row[i];
  sum = warp_sum(sum);
  if (threadIdx.x == 0) out[(i64)token * rank + r] = sum;
}
// out[token] += Σ x[token][r] · up[place][r]: x (tokens, rank), out (tokens, width). grid (tokens, width / 256), 256 threads.
KERNEL(adapter_up, 256)(float *out, const float *x, const float *up, const int *places, const int *counts, int rank, int width) {
  const int token = blockIdx.x, i = blockIdx.y * blockDim.x + threadIdx.x;
  if (token >= counts[0] || places[token] == 0 || i >= width) return;
  const float *columns = up + (i64)(places[token] - 1) * rank * width + i;
  float sum = out[(i64)token * width + i];
  for (int r = 0; r < rank; r++) sum += x[(i64)token * rank + r] * columns[(i64)r * width];
  out[(i64)token * width + i] = sum;
}
