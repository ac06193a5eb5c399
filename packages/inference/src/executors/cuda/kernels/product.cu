#include "matrix.cuh"
#include "quantized.cuh"
// out = x · weightᵀ + bias, in float32: x (rows, k), weight (n, k), out (rows, n). For any sizes; the way that always works.
// A table of matrices, matrix_of and order as in matrix.cuh. Rows: counts[0] · factor.
//
// rows_per_block: 32 at most. grid (⌈n / 32⌉, tiles), threads (32, y) with rows_per_block at most 4 · y. A tile of an order of
// more rows is shared by blocks_of_tile neighbours; else that is 1.
#define TILE 32
#define ROWS 4

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
static DEV void product(float *out, const float *x, const W &weight, const Matrix &matrix, const RowTile &tile, int n, int k, bool by_column) {
  SHARED(float, weights, TILE * (TILE + 1));
  SHARED(float, inputs, TILE * TILE);
  SHARED(int, rows, TILE);
  const int n0 = blockIdx.x * TILE, thread = threadIdx.y * TILE + threadIdx.x, threads = blockDim.y * TILE;
  if (thread < tile.size) rows[thread] = tile.row(thread);
  sync_block();
  float sums[ROWS] = {};
  for (int k0 = 0; k0 < k; k0 += TILE) {
    for (int i = thread; i < TILE * TILE; i += threads) {
      const int slow = i / TILE, fast = i % TILE, row = by_column ? fast : slow, column = by_column ? slow : fast;
      const bool is_inside = n0 + row < n && k0 + column < k;
      weights[row * (TILE + 1) + column] = is_inside ? weight.at(n0 + row, k0 + column) : 0.f;
    }
    for (int i = thread; i < tile.size * TILE; i += threads) {
      const int row = rows[i / TILE], column = k0 + i % TILE;
      const bool is_inside = row >= 0 && column < k;
      inputs[i] = is_inside ? x[(i64)row * k + (matrix.column_order ? matrix.column_order[column] : column)] : 0.f;
    }
    sync_block();
    for (int j = 0; j < TILE; j++) {
      const float w = weights[threadIdx.x * (TILE + 1) + j];
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        const int place = threadIdx.y + r * blockDim.y;
        if (place < tile.size) sums[r] += w * inputs[place * TILE + j];
      }
    }
    sync_block();
  }
  const int output = n0 + threadIdx.x;
  if (output >= n) return;
  const float bias = matrix.bias ? matrix.bias[output] : 0.f;
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    const int place = threadIdx.y + r * blockDim.y;
    if (place < tile.size && rows[place] >= 0) out[(i64)rows[place] * n + output] = sums[r] + bias;
  }
}
template <class T>
DEV void dense_product(float *out, const float *x, const i64 *matrices, const RowTile &tile, int n, int k, int is_transposed) {
  if (tile.is_empty()) return;
  const Matrix m(matrices, tile.matrix());
  const Dense<T> w{(const T *)m.data, is_transposed ? 1 : k, is_transposed ? n : 1};
  product(out, x, w, m, tile, n, k, is_transposed != 0);
}
template <int BITS>
DEV void quantized_product(float *out, const float *x, const i64 *matrices, const RowTile &tile, int n, int k, int block_size) {
  if (tile.is_empty()) return;
  const Matrix m(matrices, tile.matrix());
  const Quantized<BITS> w{(const u8 *)m.data, m.scales, m.zeros, m.minima, block_size, (k + block_size - 1) / block_size};
  product(out, x, w, m, tile, n, k, false);
}
DEV void integer_product(float *out, const float *x, const i64 *matrices, const RowTile &tile, int n, int k) {
  if (tile.is_empty()) return;
  const Matrix m(matrices, tile.matrix());
  product(out, x, Integers{(const i8 *)m.data, m.scales, n}, m, tile, n, k, true);
}

#define PARAMETERS                                                                                                                   \
  float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, \
      int rows_per_block, int blocks_of_tile
#define ROW_TILE RowTile(matrix_of, order, blockIdx.y, rows_per_block, counts[0] * factor, blocks_of_tile)
KERNEL(product_f32, 256)(PARAMETERS, int is_transposed) { dense_product<float>(out, x, matrices, ROW_TILE, n, k, is_transposed); }
KERNEL(product_f16, 256)(PARAMETERS, int is_transposed) { dense_product<F16>(out, x, matrices, ROW_TILE, n, k, is_transposed); }
KERNEL(product_bf16, 256)(PARAMETERS, int is_transposed) { dense_product<BF16>(out, x, matrices, ROW_TILE, n, k, is_transposed); }
KERNEL(product_q4, 256)(PARAMETERS, int block_size) { quantized_product<4>(out, x, matrices, ROW_TILE, n, k, block_size); }
KERNEL(product_q8, 256)(PARAMETERS, int block_size) { quantized_product<8>(out, x, matrices, ROW_TILE, n, k, block_size); }
KERNEL(product_i8, 256)(PARAMETERS) { integer_product(out, x, matrices, ROW_TILE, n, k); }
