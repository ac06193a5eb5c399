// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] for few rows by tensor cores, with inputs of 16 bits; float32
// accumulation.
//
// w (n, k) bf16 or f16, not transposed; x (rows, k) of the same type; both from multiples of 16 bytes on, k a multiple of 8; out
// (rows, n) float32; a table of matrices as in matrix.cuh, without orders of columns. Rows: counts[0] · factor. Any n.
//
// Entries gemv_mma_TYPE_R read the weights once for rows_of_block rows, R at most; matrix_of and order are as RowTile takes them.
// Up to three products at once, as Outputs of outputs.cuh has it. Up to 8 warps; grid (⌈n / 16⌉ of all products, tiles of rows); dynamic shared memory: warps · 16 · R · 4 bytes.
#include "gemv-mma.cuh"

// 32 columns: a lane has 8 of them, of two outputs and of a row. The order of columns within a product is of no meaning.
template <class T> DEV void multiply(float (&sums)[4], uint4 a, uint4 below, uint4 b) {
  const u32 first[4] = {a.x, below.x, a.y, below.y}, second[4] = {a.z, below.z, a.w, below.w};
  T::mma(sums, first, b.x, b.y);
  T::mma(sums, second, b.z, b.w);
}

template <class T, int R> DEV void gemv_mma(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, int rows_of_block, float *out2, int n2, float *out3, int n3) {
  constexpr int tiles = R / 8, ahead = 4, step = 32;
  DYNAMIC_SHARED(float, memory);
  const BlockRows<R> rows(matrix_of, order, rows_of_block, counts[0] * factor);
  if (rows.tile.is_empty()) return;
  const Outputs read(OUTPUTS, blockIdx.x, out1, n1, out2, n2, out3, n3);
  const Matrix matrix(matrices, read.matrix(rows.tile.matrix()));
  const int n = read.n, lane = threadIdx.x % 32, line = lane / 4, column = lane % 4 * 8, output = read.first + line;
  const u16 *w = (const u16 *)matrix.data + column, *a = w + (i64)min(output, n - 1) * k, *below = w + (i64)min(output + 8, n - 1) * k;
  const u16 *from[tiles];
#pragma unroll
  for (int t = 0; t < tiles; t++) from[t] = x + rows.begin(t * 8 + line, k) + column;
  float sums[tiles][4] = {};
  const WarpColumns part(k, ahead * step);
  int i = part.begin;
#pragma unroll 1
  for (; i + ahead * step <= part.end; i += ahead * step) {
    uint4 weights[ahead][2], inputs[ahead][tiles];
#pragma unroll
    for (int u = 0; u < ahead; u++) {
      weights[u][0] = load_stream(a + i + u * step);
      weights[u][1] = load_stream(below + i + u * step);
    }
#pragma unroll
    for (int u = 0; u < ahead; u++)
#pragma unroll
      for (int t = 0; t < tiles; t++) inputs[u][t] = load_read_only16(from[t] + i + u * step);
#pragma unroll
    for (int u = 0; u < ahead; u++)
#pragma unroll
      for (int t = 0; t < tiles; t++) multiply<T>(sums[t], weights[u][0], weights[u][1], inputs[u][t]);
  }
#pragma unroll 1
  for (; i < part.end; i += step) {
    const bool is_inside = i + column < part.end;
    const uint4 none = {0, 0, 0, 0}, first = is_inside ? load_stream(a + i) : none, second = is_inside ? load_stream(below + i) : none;
#pragma unroll
    for (int t = 0; t < tiles; t++) multiply<T>(sums[t], first, second, is_inside ? load_read_only16(from[t] + i) : none);
  }
  const Outputs outputs(OUTPUTS, block_again(), out1, n1, out2, n2, out3, n3);
  write_outputs<R>(outputs, memory, OUTPUTS * R, sums, rows, Matrix(matrices, outputs.matrix(rows.tile.matrix())).bias);
}

// So many blocks leave registers for all loads of a step to be under way at once. Without that, assemblers take fewer, and wait
// for the first loads before the last are begun.
#define GEMV(name, T, R) \
  KERNEL_OF_BLOCKS(name, 256, R == 8 ? 3 : 2)(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, int rows_of_block, float *out2, int n2, float *out3, int n3) { \
    gemv_mma<T, R>(out1, x, matrices, matrix_of, order, counts, factor, n1, k, rows_of_block, out2, n2, out3, n3); \
  }
GEMV(gemv_mma_bf16_8, Bf16, 8)
GEMV(gemv_mma_bf16_16, Bf16, 16)
GEMV(gemv_mma_f16_8, F16, 8)
GEMV(gemv_mma_f16_16, F16, 16)
