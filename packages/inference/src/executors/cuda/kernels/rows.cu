#include "device.cuh"
// Copies rows and parts of rows. grid (rows), any number of threads. Rows of `out`: counts[0] · factor.

// out[row] = x[indices[row]]: (rows, width)
KERNEL(gather_rows, 256)(float *out, const float *x, const int *indices, const int *counts, int factor, int width) {
  const int row = blockIdx.x;
  if (row >= counts[0] * factor) return;
  const float *from = x + (i64)indices[row] * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) out[(i64)row * width + i] = from[i];
}
// Each row of x, `factor` times: out[row] = x[row / factor].
KERNEL(repeat_rows, 256)(float *out, const float *x, const int *counts, int factor, int width) {
  const int row = blockIdx.x;
  if (row >= counts[0] * factor) return;
  const float *from = x + (i64)(row / factor) * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) out[(i64)row * width + i] = from[i];
}
// Of each group of `group_width` features of x, `size` from `start` on: (rows, groups · size).
KERNEL(slice_rows, 256)(float *out, const float *x, const int *counts, int factor, int groups, int group_width, int start, int size) {
  const int row = blockIdx.x;
  if (row >= counts[0] * factor) return;
  const float *from = x + (i64)row * groups * group_width;
  for (int i = threadIdx.x; i < groups * size; i += blockDim.x)
    out[(i64)row * groups * size + i] = from[i / size * group_width + start + i % size];
}
// Multiplies blocks of `size` features, a power of two up to 1024, with the Hadamard matrix of that size over its root.
// grid (rows, width / size), `size` / 2 threads.
KERNEL(rotate_blocks, 512)(float *out, const float *x, const int *counts, int factor, int width, int size) {
  SHARED(float, block, 1024);
  if ((int)blockIdx.x >= counts[0] * factor) return;
  const i64 at = (i64)blockIdx.x * width + blockIdx.y * size;
  const int half = size / 2, i = threadIdx.x;
  block[i] = x[at + i];
  block[i + half] = x[at + i + half];
  for (int step = 1; step < size; step *= 2) {
    sync_block();
    const int low = i / step * 2 * step + i % step;
    const float a = block[low], b = block[low + step];
    block[low] = a + b;
    block[low + step] = a - b;
  }
  sync_block();
  const float scale = rsqrtf((float)size);
  out[at + i] = block[i] * scale;
  out[at + i + half] = block[i + half] * scale;
}
