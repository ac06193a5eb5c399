#include "quantized.cuh"
// out = x · weightᵀ + bias, in float32: x (rows, k), weight (n, k), out (rows, n). For any sizes; the way that always works.
// grid (n / 32, rows / rows_per_block), threads (32, y) with rows_per_block at most 4 · y and 32. Rows: counts[0] · factor.
//
// A matrix is 6 addresses: data, scales, zero points, minima, the column of x at each place of a row (int32), bias; those
// that it has not are null. `matrix_of` gives the matrix of each row, and is null where all rows have the first one; then
// rows_per_block is 1.
#define TILE 32
#define ROWS 4
struct Matrix { const void *data; const float *scales; const u8 *zero_points; const float *minima; const int *order; const float *bias; };

template <class T> struct Dense {
  const T *data;
  int row_stride, column_stride;
  DEV float at(i64 row, int column) const { return to_float(data[row * row_stride + (i64)column * column_stride]); }
};
// Whole numbers of 8 bits with one scale for each row, stored by column.
struct Integers {
  const i8 *data;
  const float *scales;
  int rows;
  DEV float at(i64 row, int column) const { return scales[row] * (float)data[(i64)column * rows + row]; }
};

template <class W>
static DEV void product(float *out, const float *x, const W &weight, const Matrix &matrix, int rows, int n, int k, int rows_per_block, bool by_column) {
  SHARED(float, weights, TILE * (TILE + 1));
  SHARED(float, inputs, TILE * TILE);
  const int n0 = blockIdx.x * TILE, row0 = blockIdx.y * rows_per_block;
  const int thread = threadIdx.y * TILE + threadIdx.x, threads = blockDim.y * TILE;
  float sums[ROWS] = {};
  for (int k0 = 0; k0 < k; k0 += TILE) {
    for (int i = thread; i < TILE * TILE; i += threads) {
      const int slow = i / TILE, fast = i % TILE, row = by_column ? fast : slow, column = by_column ? slow : fast;
      const bool is_inside = n0 + row < n && k0 + column < k;
      weights[row * (TILE + 1) + column] = is_inside ? weight.at(n0 + row, k0 + column) : 0.f;
    }
    for (int i = thread; i < rows_per_block * TILE; i += threads) {
      const int row = row0 + i / TILE, column = k0 + i % TILE;
      const bool is_inside = row < rows && column < k;
      inputs[i] = is_inside ? x[(i64)row * k + (matrix.order ? matrix.order[column] : column)] : 0.f;
    }
    sync_block();
    for (int j = 0; j < TILE; j++) {
      const float w = weights[threadIdx.x * (TILE + 1) + j];
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        const int row = threadIdx.y + r * blockDim.y;
        if (row < rows_per_block) sums[r] += w * inputs[row * TILE + j];
      }
    }
    sync_block();
  }
  const int column = n0 + threadIdx.x;
  if (column >= n) return;
  const float bias = matrix.bias ? matrix.bias[column] : 0.f;
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    const int row = threadIdx.y + r * blockDim.y;
    if (row < rows_per_block && row0 + row < rows) out[(i64)(row0 + row) * n + column] = sums[r] + bias;
  }
}
DEV Matrix matrix_at(const i64 *matrices, const int *matrix_of) {
  const i64 *m = matrices + 6 * (matrix_of ? matrix_of[blockIdx.y] : 0);
  return {(const void *)m[0], (const float *)m[1], (const u8 *)m[2], (const float *)m[3], (const int *)m[4], (const float *)m[5]};
}
template <class T>
DEV void dense_product(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                       int factor, int n, int k, int rows_per_block, int is_transposed) {
  const int rows = counts[0] * factor;
  if ((int)blockIdx.y * rows_per_block >= rows) return;
  const Matrix m = matrix_at(matrices, matrix_of);
  const Dense<T> w{(const T *)m.data, is_transposed ? 1 : k, is_transposed ? n : 1};
  product(out, x, w, m, rows, n, k, rows_per_block, is_transposed != 0);
}
template <int BITS>
DEV void quantized_product(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                           int factor, int n, int k, int rows_per_block, int block_size) {
  const int rows = counts[0] * factor;
  if ((int)blockIdx.y * rows_per_block >= rows) return;
  const Matrix m = matrix_at(matrices, matrix_of);
  const Quantized<BITS> w{(const u8 *)m.data, m.scales, m.zero_points, m.minima, block_size, (k + block_size - 1) / block_size};
  product(out, x, w, m, rows, n, k, rows_per_block, false);
}
KERNEL(product_f32, 256)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                         int factor, int n, int k, int rows_per_block, int is_transposed) {
  dense_product<float>(out, x, matrices, matrix_of, counts, factor, n, k, rows_per_block, is_transposed);
}
KERNEL(product_f16, 256)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                         int factor, int n, int k, int rows_per_block, int is_transposed) {
  dense_product<F16>(out, x, matrices, matrix_of, counts, factor, n, k, rows_per_block, is_transposed);
}
KERNEL(product_bf16, 256)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                          int factor, int n, int k, int rows_per_block, int is_transposed) {
  dense_product<BF16>(out, x, matrices, matrix_of, counts, factor, n, k, rows_per_block, is_transposed);
}
KERNEL(product_q4, 256)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                        int factor, int n, int k, int rows_per_block, int block_size) {
  quantized_product<4>(out, x, matrices, matrix_of, counts, factor, n, k, rows_per_block, block_size);
}
KERNEL(product_q8, 256)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                        int factor, int n, int k, int rows_per_block, int block_size) {
  quantized_product<8>(out, x, matrices, matrix_of, counts, factor, n, k, rows_per_block, block_size);
}
KERNEL(product_i8, 256)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts,
                        int factor, int n, int k, int rows_per_block) {
  const int rows = counts[0] * factor;
  if ((int)blockIdx.y * rows_per_block >= rows) return;
  const Matrix m = matrix_at(matrices, matrix_of);
  product(out, x, Integers{(const i8 *)m.data, m.scales, n}, m, rows, n, k, rows_per_block, true);
}
