// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] by tensor cores; float32 accumulation.
//
// w (n, k) bf16 or f16, not transposed; x (rows, k) of the same type (`narrow`); both from multiples of 16 bytes on, k a
// multiple of 8; out (rows, n) float32; a table of matrices, matrix_of and order as in matrix.cuh, without orders of columns. Rows:
// counts[0] · factor. Any rows and n.
//
// Up to three products at once, as Outputs of outputs.cuh has it. Entries gemm_TYPE_BM compute a tile of BM rows and 128 outputs a block. 256 threads; grid (⌈n / 128⌉ of all products, tiles, splits); dynamic
// shared memory: stages · (BM + 128) · 64 bytes, of 3 stages for 64 and 128 rows, else 4. With splits > 1 out is (rows,
// splits, n), without bias, for `sum_splits`.
#include "gemm.cuh"

template <class T, int BM, int ROW_WARPS> DEV void gemm(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, float *out2, int n2, float *out3, int n3) {
  constexpr int stages = BM >= 64 ? 3 : 4, stage = (BM + BN) * BK;
  DYNAMIC_SHARED(u16, tiles);
  const Outputs outputs(BN, blockIdx.x, out1, n1, out2, n2, out3, n3);
  const int output0 = outputs.first, n = outputs.n;
  const RowTile rows(matrix_of, order, blockIdx.y, BM, counts[0] * factor);
  if (rows.is_empty()) return;
  const Matrix matrix(matrices, outputs.matrix(rows.matrix()));
  const u16 *w = (const u16 *)matrix.data;
  const Steps steps(k);
  const TilePlaces<BM> places(rows);
  GemmTile<T, BM, ROW_WARPS> tile;
  auto fetch = [&](int step) {
    u16 *to = tiles + step % stages * stage;
    fetch_tile<BM>(to, x, k, step, places);
    fetch_tile<BN>(to + BM * BK, w, k, step, [&](int line) { return output0 + line < n ? output0 + line : -1; });
  };
#pragma unroll
  for (int s = 0; s < stages - 1; s++) {
    if (steps.begin + s < steps.end) fetch(steps.begin + s);
    copy_commit();
  }
#pragma unroll 1
  for (int step = steps.begin; step < steps.end; step++) {
    copy_wait<stages - 2>();
    sync_block();
    if (step + stages - 1 < steps.end) fetch(step + stages - 1);
    copy_commit();
    const u16 *at = tiles + step % stages * stage;
    tile.step(at, at + BM * BK);
  }
  tile.write(outputs, matrix.bias, places);
}

#define GEMM(name, T, BM, ROW_WARPS) \
  KERNEL(name, 256)(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, float *out2, int n2, float *out3, int n3) { \
    gemm<T, BM, ROW_WARPS>(out1, x, matrices, matrix_of, order, counts, factor, n1, k, out2, n2, out3, n3); \
  }
GEMM(gemm_bf16_16, Bf16, 16, 1)
GEMM(gemm_bf16_32, Bf16, 32, 1)
GEMM(gemm_bf16_64, Bf16, 64, 2)
GEMM(gemm_bf16_128, Bf16, 128, 2)
GEMM(gemm_f16_16, F16, 16, 1)
GEMM(gemm_f16_32, F16, 32, 1)
GEMM(gemm_f16_64, F16, 64, 2)
GEMM(gemm_f16_128, F16, 128, 2)
