// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] by tensor cores, with weights of 4 or 8 bits in blocks along k, which
// become bf16 or f16 on their way to shared memory; float32 accumulation.
//
// The weights are as they are stored (blocks.cuh); scales are of scale_type: 0 float32, 1 f16, 2 bf16. x (rows, k) bf16 or
// f16 from a multiple of 16 bytes on, k a multiple of 8; out (rows, n) float32; a table of matrices, matrix_of and order as in
// matrix.cuh, without orders of columns. Rows: counts[0] · factor. Any rows and n.
//
// Entries gemm_qBITS_TYPE_BM, geometry and splits as in gemm.cu; dynamic shared memory: 2 · (BM + 128) · 64 bytes.
#include "blocks.cuh"
#include "gemm.cuh"

template <class T, int BITS, int BM, int ROW_WARPS>
DEV void gemm_blocks(float *out, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int block_shift, int scale_type) {
  constexpr int stage = (BM + BN) * BK;
  DYNAMIC_SHARED(u16, tiles);
  const int output0 = blockIdx.x * BN;
  const RowTile rows(matrix_of, order, blockIdx.y, BM, counts[0] * factor);
  if (rows.is_empty()) return;
  const TilePlaces<BM> places(rows);
  const Matrix matrix(matrices, rows.matrix());
  const Steps steps(k);
  GemmTile<T, BM, ROW_WARPS> tile;
  // Each thread unpacks half a row of the tile of weights.
  const int line = threadIdx.x / 2, half = threadIdx.x % 2;
  const bool has_line = output0 + line < n;
  const BlockRow<BITS> row(matrix, has_line ? output0 + line : 0, k, block_shift, scale_type);
  u32 words[4] = {};
  Block block = {0.f, 0.f, 0.f};
  auto load = [&](int step) {
    const int column = step * BK + half * 16;
    const bool is_inside = has_line && column < k;
    block = is_inside ? row.block(column >> block_shift) : Block{0.f, 0.f, 0.f};
    row.load_chunk(words, is_inside ? column : 0);
  };
  auto unpack = [&](int step) {
    float v[16];
    unpack16<BITS>(v, words, block.zero);
    u16 *to = tiles + step % 2 * stage + BM * BK;
#pragma unroll
    for (int c = 0; c < 2; c++) {
      u32 packed[4];
#pragma unroll
      for (int i = 0; i < 4; i++)
        packed[i] = T::pack(v[c * 8 + 2 * i] * block.scale + block.minimum, v[c * 8 + 2 * i + 1] * block.scale + block.minimum);
      store16(to + swizzle(line, half * 2 + c), {packed[0], packed[1], packed[2], packed[3]});
    }
  };
  if (steps.begin < steps.end) {
    fetch_tile<BM>(tiles + steps.begin % 2 * stage, x, k, steps.begin, places);
    load(steps.begin);
    unpack(steps.begin);
  }
  copy_commit();
#pragma unroll 1
  for (int step = steps.begin; step < steps.end; step++) {
    copy_wait<0>();
    sync_block();
    const bool has_next = step + 1 < steps.end;
    if (has_next) {
      fetch_tile<BM>(tiles + (step + 1) % 2 * stage, x, k, step + 1, places);
      load(step + 1);
    }
    copy_commit();
    const u16 *at = tiles + step % 2 * stage;
    tile.step(at, at + BM * BK);
    if (has_next) unpack(step + 1);
  }
  tile.write(out, matrix.bias, places, output0, n);
}

#define GEMM(name, T, BITS, BM, ROW_WARPS) \
  KERNEL(name, 256)(float *out, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n, int k, int block_shift, int scale_type) { \
    gemm_blocks<T, BITS, BM, ROW_WARPS>(out, x, matrices, matrix_of, order, counts, factor, n, k, block_shift, scale_type); \
  }
GEMM(gemm_q4_bf16_32, Bf16, 4, 32, 1)
GEMM(gemm_q4_bf16_128, Bf16, 4, 128, 2)
GEMM(gemm_q4_f16_32, F16, 4, 32, 1)
GEMM(gemm_q4_f16_128, F16, 4, 128, 2)
GEMM(gemm_q8_bf16_32, Bf16, 8, 32, 1)
GEMM(gemm_q8_bf16_128, Bf16, 8, 128, 2)
GEMM(gemm_q8_f16_32, F16, 8, 32, 1)
GEMM(gemm_q8_f16_128, F16, 8, 128, 2)
