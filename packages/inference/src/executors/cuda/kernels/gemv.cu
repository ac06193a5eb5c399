// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] for few rows; float32 accumulation.
//
// w (n, k) bf16 or f16, not transposed; x (rows, k) and out (rows, n) float32; a table of
// matrices as in matrix.cuh, without orders of columns. Rows: counts[0] · factor. Any n and k. Reads 4 numbers at once where k
// is a multiple of 4, w begins at a multiple of 8 bytes and x of 16; else number by number.
//
// Entries gemv_TYPE_rR read the weights once for a tile of R rows; matrix_of and order as in matrix.cuh.
// 128 threads; grid (⌈n · warps / 4⌉, splits, tiles). `warps`: 1, 2 or 4 warps share an output, for few outputs. With
// splits > 1 out is (rows, splits, n), without bias, for `sum_splits`.
#include "gemv.cuh"

// Four columns, so that what lanes read of a row at once is without gaps.
template <class W, int R> DEV void gemv_fma(float (&sum)[R], uint2 a, const float *x, const i64 (&rows)[R]) {
#pragma unroll
  for (int b = 0; b < R; b++) {
    const float4 v = load_float4(x + rows[b]);
    sum[b] += W::low(a.x) * v.x + W::high(a.x) * v.y;
    sum[b] += W::low(a.y) * v.z + W::high(a.y) * v.w;
  }
}

template <class W, int R>
DEV void gemv(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int warps) {
  constexpr int step = 128, ahead = R <= 2 ? 8 : 4;
  const int lane = threadIdx.x & 31;
  const GemvPart part(k, step, warps);
  const RowTile tile(matrix_of, order, blockIdx.z, R, counts[0] * factor);
  if (tile.is_empty()) return;
  const Matrix matrix(matrices, tile.matrix());
  const u16 *w = (const u16 *)matrix.data + (i64)part.output * k;
  // Where the rows begin, from the first one on, which is read where there is no other.
  i64 rows[R] = {};
  x += (i64)tile.row(0) * k;
#pragma unroll
  for (int b = 1; b < R; b++) {
    const int row = tile.row(b);
    rows[b] = (i64)(row < 0 ? 0 : row - tile.row(0)) * k;
  }
  float sum[R] = {};
  if (part.output < n) {
    if (k % 4 == 0 && is_aligned8(w) && is_aligned16(x)) {
      int i = part.begin + lane * 4;
#pragma unroll 1
      for (; i + (ahead - 1) * step < part.end; i += ahead * step) {
        uint2 a[ahead];
#pragma unroll
        for (int u = 0; u < ahead; u++) a[u] = load_stream8(w + i + u * step);
#pragma unroll
        for (int u = 0; u < ahead; u++) gemv_fma<W, R>(sum, a[u], x + i + u * step, rows);
      }
#pragma unroll 1
      for (; i < part.end; i += step) gemv_fma<W, R>(sum, load_stream8(w + i), x + i, rows);
    } else {
#pragma unroll 1
      for (int i = part.begin + lane; i < part.end; i += 32) {
        const float a = W::wide(w[i]);
#pragma unroll
        for (int b = 0; b < R; b++) sum[b] += a * x[rows[b] + i];
      }
    }
  }
  gemv_finish<R>(out, sum, tile, matrix.bias, n, warps);
}

#define GEMV(DECLARATION, W, R) \
  DECLARATION(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int warps) { \
    gemv<W, R>(out, x, matrices, matrix_of, order, counts, factor, n, k, warps); \
  }
GEMV(KERNEL(gemv_bf16_r1, 128), Bf16, 1)
GEMV(KERNEL(gemv_bf16_r2, 128), Bf16, 2)
GEMV(KERNEL(gemv_bf16_r4, 128), Bf16, 4)
GEMV(KERNEL_OF_BLOCKS(gemv_bf16_r8, 128, 3), Bf16, 8)
GEMV(KERNEL(gemv_f16_r1, 128), F16, 1)
GEMV(KERNEL(gemv_f16_r2, 128), F16, 2)
GEMV(KERNEL(gemv_f16_r4, 128), F16, 4)
GEMV(KERNEL_OF_BLOCKS(gemv_f16_r8, 128, 3), F16, 8)
