// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] for few rows, with weights of 4 or 8 bits in blocks along k;
// float32 accumulation. The weights are as they are stored (blocks.cuh); a table of matrices as in matrix.cuh, without orders
// of columns; scales are of scale_type: 0 float32, 1 f16, 2 bf16.
//
// block_size = 2^block_shift, 16 at least. Any n and k. x (rows, k) float32, read 16 bytes at once where k is a multiple of 4
// and x begins at a multiple of 16 bytes; out (rows, n) float32. Rows: counts[0] · factor.
//
// Entries gemv_qBITS_rR; 128 threads; grid, `warps`, splits, R, matrix_of and order as in gemv.cu.
#include "blocks.cuh"
#include "gemv.cuh"

// Sixteen inputs of a row, 0 from k on.
DEV void load_inputs(float (&out)[16], const float *x, int begin, int k, bool is_aligned) {
  if (is_aligned && begin + 16 <= k) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const float4 v = load_float4(x + begin + 4 * j);
      out[4 * j] = v.x; out[4 * j + 1] = v.y; out[4 * j + 2] = v.z; out[4 * j + 3] = v.w;
    }
  } else {
#pragma unroll
    for (int j = 0; j < 16; j++) out[j] = begin + j < k ? x[begin + j] : 0.f;
  }
}

template <int BITS, int R>
DEV void gemv_blocks(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int warps,
                     int block_shift, int scale_type) {
  constexpr int at_once = 128 / BITS, step = 32 * at_once, unrolled = R <= 2 ? at_once / 16 : 1;
  const int lane = threadIdx.x & 31;
  const GemvPart part(k, step, warps);
  const RowTile tile(matrix_of, order, blockIdx.z, R, counts[0] * factor);
  if (tile.is_empty()) return;
  const Matrix matrix(matrices, tile.matrix());
  // Where the rows begin; the first one is read where there is no other.
  i64 rows[R];
#pragma unroll
  for (int b = 0; b < R; b++) {
    const int row = tile.row(b);
    rows[b] = (i64)(row < 0 ? tile.row(0) : row) * k;
  }
  const bool is_aligned = k % 4 == 0 && is_aligned16(x);
  float sum[R] = {};
  if (part.output < n) {
    const BlockRow<BITS> row(matrix, part.output, k, block_shift, scale_type);
    int i = part.begin + lane * at_once;
    u32 next[4] = {};
    if (i < part.end) row.load16(next, i);
#pragma unroll 1
    for (; i < part.end; i += step) {
      u32 words[4] = {next[0], next[1], next[2], next[3]};
      if (i + step < part.end) row.load16(next, i + step);
#pragma unroll unrolled
      for (int c = 0; c < at_once / 16; c++) {
        const int begin = i + 16 * c;
        const Block block = row.block(min(begin, k - 1) >> block_shift);
        float a[16];
        unpack16<BITS>(a, words, block.zero);
        words[0] = words[2];
        words[1] = words[3];
#pragma unroll
        for (int b = 0; b < R; b++) {
          float v[16], dot = 0.f, total = 0.f;
          load_inputs(v, x + rows[b], begin, k, is_aligned);
#pragma unroll
          for (int j = 0; j < 16; j++) dot += a[j] * v[j];
          if (matrix.minima) {
#pragma unroll
            for (int j = 0; j < 16; j++) total += v[j];
          }
          sum[b] += block.scale * dot + block.minimum * total;
        }
      }
    }
  }
  gemv_finish<R>(out, sum, tile, matrix.bias, n, warps);
}

#define GEMV(name, BITS, R) \
  KERNEL(name, 128)(float *out, const float *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int warps, \
                    int block_shift, int scale_type) { \
    gemv_blocks<BITS, R>(out, x, matrices, matrix_of, order, counts, factor, n, k, warps, block_shift, scale_type); \
  }
GEMV(gemv_q4_r1, 4, 1)
GEMV(gemv_q4_r2, 4, 2)
GEMV(gemv_q4_r4, 4, 4)
GEMV(gemv_q4_r8, 4, 8)
GEMV(gemv_q8_r1, 8, 1)
GEMV(gemv_q8_r2, 8, 2)
GEMV(gemv_q8_r4, 8, 4)
GEMV(gemv_q8_r8, 8, 8)
