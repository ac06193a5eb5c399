// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] for few rows; float32 accumulation.
//
// w (n, k) bf16 or f16, not transposed; x (rows, k) and out (rows, n) float32; a table of
// matrices as in matrix.cuh, without orders of columns. Rows: counts[0] · factor. Any n and k. Reads 16 bytes at once where k
// is a multiple of 8 and w and x begin at multiples of 16 bytes; else number by number.
//
// Entries gemv_TYPE_rR read the weights once for a tile of R rows; matrix_of and order as in matrix.cuh.
// 128 threads; grid (⌈n · warps / 4⌉, splits, tiles). `warps`: 1, 2 or 4 warps share an output, for few outputs. With
// splits > 1 out is (rows, splits, n), without bias, for `sum_splits`.
#include "gemv.cuh"

template <class W, int R> DEV void gemv_fma(float (&sum)[R], uint4 a, const float *x, const i64 (&rows)[R]) {
  const u32 aw[4] = {a.x, a.y, a.z, a.w};
#pragma unroll
  for (int b = 0; b < R; b++) {
    float v[8];
    load8<F32>(v, x + rows[b]);
#pragma unroll
    for (int j = 0; j < 4; j++) sum[b] += W::low(aw[j]) * v[2 * j] + W::high(aw[j]) * v[2 * j + 1];
  }
}

template <class W, int R>
DEV void gemv(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int warps) {
  constexpr int step = 256, ahead = R <= 2 ? 4 : 2;
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
    if (k % 8 == 0 && is_aligned16(w) && is_aligned16(x)) {
      int i = part.begin + lane * 8;
#pragma unroll 1
      for (; i + (ahead - 1) * step < part.end; i += ahead * step) {
        uint4 a[ahead];
#pragma unroll
        for (int u = 0; u < ahead; u++) a[u] = load_stream(w + i + u * step);
#pragma unroll
        for (int u = 0; u < ahead; u++) gemv_fma<W, R>(sum, a[u], x + i + u * step, rows);
      }
#pragma unroll 1
      for (; i < part.end; i += step) gemv_fma<W, R>(sum, load_stream(w + i), x + i, rows);
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

#define GEMV(name, W, R) \
  KERNEL(name, 128)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int warps) { \
    gemv<W, R>(out, x, matrices, matrix_of, order, counts, factor, n, k, warps); \
  }
GEMV(gemv_bf16_r1, Bf16, 1)
GEMV(gemv_bf16_r2, Bf16, 2)
GEMV(gemv_bf16_r4, Bf16, 4)
GEMV(gemv_bf16_r8, Bf16, 8)
GEMV(gemv_f16_r1, F16, 1)
GEMV(gemv_f16_r2, F16, 2)
GEMV(gemv_f16_r4, F16, 4)
GEMV(gemv_f16_r8, F16, 8)
