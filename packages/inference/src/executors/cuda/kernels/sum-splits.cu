// out[row][i] = bias[i] + sum over splits of partial[row][split][i], in the order of the splits.
//
// partial (rows, splits, n) and out (rows, n) float32; the bias is that of a matrix of a table (matrix.cuh): of
// matrix_of[row], or the first one where matrix_of is null. Up to three products at once, as Outputs of outputs.cuh has it.
// Rows: counts[0] · factor. 256 threads; grid (⌈n / 256⌉ of all products, rows).
#include "matrix.cuh"
#include "outputs.cuh"

KERNEL(sum_splits, 256)(float *out1, const float *partial1, const i64 *matrices, const int *matrix_of, const int *counts, int factor, int n1, int splits, float *out2, const float *partial2, int n2, float *out3, const float *partial3, int n3) {
  const Outputs outputs(256, blockIdx.x, out1, n1, out2, n2, out3, n3);
  const int i = outputs.first + threadIdx.x, row = blockIdx.y, n = outputs.n;
  if (row >= counts[0] * factor || i >= n) return;
  const float *partial = outputs.part == 0 ? partial1 : outputs.part == 1 ? partial2 : partial3;
  const Matrix matrix(matrices, outputs.matrix(matrix_of ? matrix_of[row] : 0));
  float sum = matrix.bias ? matrix.bias[i] : 0.f;
#pragma unroll 1
  for (int s = 0; s < splits; s++) sum += partial[((i64)row * splits + s) * n + i];
  outputs.out[(i64)row * n + i] = sum;
}
