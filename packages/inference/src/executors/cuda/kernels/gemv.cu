// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] for few rows; float32 accumulation.
//
// w (n, k) bf16 or f16, not transposed; x (rows, k) and out (rows, n) float32; a table of
// matrices as in matrix.cuh, without orders of columns. Rows: counts[0] · factor. Any n and k. Reads 16 bytes at once where k
// is a multiple of 8 and w and x begin at multiples of 16 bytes; else number by number.
//
// Entries gemv_TYPE_rR read the weights once for R rows; with matrix_of, which gives the matrix of each row, R is 1.
// 128 threads; grid (⌈n · warps / 4⌉, splits, ⌈rows / R⌉). `warps`: 1, 2 or 4 warps share an output, for few outputs. With
// splits > 1 out is (rows, splits, n), without bias, for `sum_splits`.
#include "gemv.cuh"

template <class W, int R> DEV void gemv_fma(float (&sum)[R], uint4 a, const float *x, int k, int rows) {
  const u32 aw[4] = {a.x, a.y, a.z, a.w};
#pragma unroll
  for (int b = 0; b < R; b++) {
    float v[8];
    load8<F32>(v, x + (i64)min(b, rows - 1) * k);
#pragma unroll
    for (int j = 0; j < 4; j++) sum[b] += W::low(aw[j]) * v[2 * j] + W::high(aw[j]) * v[2 * j + 1];
  }
}

template <class W, int R>
DEV void gemv(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts, int factor, int n, int k, int warps) {
  constexpr int step = 256, ahead = R <= 2 ? 4 : 2;
  const int lane = threadIdx.x & 31;
  const GemvPart part(R, counts[0] * factor, k, step, warps);
  if (part.rows <= 0) return;
  const Matrix matrix(matrices, matrix_of, part.row);
  const u16 *w = (const u16 *)matrix.data + (i64)part.output * k;
  x += (i64)part.row * k;
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
        for (int u = 0; u < ahead; u++) gemv_fma<W, R>(sum, a[u], x + i + u * step, k, part.rows);
      }
#pragma unroll 1
      for (; i < part.end; i += step) gemv_fma<W, R>(sum, load_stream(w + i), x + i, k, part.rows);
    } else {
#pragma unroll 1
      for (int i = part.begin + lane; i < part.end; i += 32) {
        const float a = W::wide(w[i]);
#pragma unroll
        for (int b = 0; b < R; b++) sum[b] += a * x[(i64)min(b, part.rows - 1) * k + i];
      }
    }
  }
  gemv_finish<R>(out, sum, part, matrix.bias, n, warps);
}

#define GEMV(name, W, R) \
  KERNEL(name, 128)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *counts, int factor, int n, int k, int warps) { \
    gemv<W, R>(out, x, matrices, matrix_of, counts, factor, n, k, warps); \
  }
GEMV(gemv_bf16_r1, Bf16, 1)
GEMV(gemv_bf16_r2, Bf16, 2)
GEMV(gemv_bf16_r4, Bf16, 4)
GEMV(gemv_bf16_r8, Bf16, 8)
GEMV(gemv_f16_r1, F16, 1)
GEMV(gemv_f16_r2, F16, 2)
GEMV(gemv_f16_r4, F16, 4)
GEMV(gemv_f16_r8, F16, 8)
