// out[row][i] = bias[i] + sum over splits of partial[row][split][i], in the order of the splits.
//
// partial (rows, splits, n) and out (rows, n) float32; the bias is that of a matrix of a table (matrix.cuh): of
// matrix_of[row], or the first one where matrix_of is null.
// Rows: counts[0] · factor. 256 threads; grid (⌈n / 256⌉, rows).
#include "matrix.cuh"

KERNEL(sum_splits, 256)(float *out, const float *partial, const i64 *matrices, const int *matrix_of, const int *counts, int factor, int n, int splits) {
  const int i = blockIdx.x * 256 + threadIdx.x, row = blockIdx.y;
  if (row >= counts[0] * factor || i >= n) return;
  const Matrix matrix(matrices, matrix_of ? matrix_of[row] : 0);
  float sum = matrix.bias ? matrix.bias[i] : 0.f;
#pragma unroll 1
  for (int s = 0; s < splits; s++) sum += partial[((i64)row * splits + s) * n + i];
  out[(i64)row * n + i] = sum;
}
