// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] by tensor cores, with weights of 4 or 8 bits in blocks along k, which
// become bf16 or f16 on their way to shared memory; float32 accumulation.
//
// The weights are as they are stored (blocks.cuh); scales are of scale_type: 0 float32, 1 f16, 2 bf16. x (rows, k) bf16 or
// f16 from a multiple of 16 bytes on, k a multiple of 8; out (rows, n) float32; a table of matrices, matrix_of and order as in
// matrix.cuh, without orders of columns. Rows: counts[0] · factor. Any rows and n.
//
// Entries gemm_qBITS_TYPE_BM, geometry, splits and further products as in gemm.cu; dynamic shared memory: 2 · (BM + 128) · 64 bytes.
#include "blocks.cuh"
#include "gemm.cuh"

// Scales, minima and zero points of four neighbouring blocks of a line: of two neighbouring lanes one has the scales, the other
// the minima. Block by block, each lane would read a sector of memory for every number.
template <int BITS> struct FourBlocks {
  float4 own;
  u32 zeros;
  // Whether lines have whole fours, and each is read at once.
  static DEV bool fit(const Matrix &matrix, int blocks) {
    return blocks % 4 == 0 && is_aligned16(matrix.scales) && is_aligned16(matrix.minima) && ((u64)matrix.zeros & 3) == 0;
  }
  DEV void load(const BlockRow<BITS> &row, int at, int half) {
    const void *from = half ? row.minima : row.scales;
    own = {0.f, 0.f, 0.f, 0.f};
    if (from && (half || row.scale_type == 0)) own = load_float4((const float *)from + row.first + at);
    else if (from) {
      const uint2 v = load8((const u16 *)from + row.first + at);
      own = row.scale_type == 1 ? float4{f16_low(v.x), f16_high(v.x), f16_low(v.y), f16_high(v.y)} : float4{bf16_low(v.x), bf16_high(v.x), bf16_low(v.y), bf16_high(v.y)};
    }
    if (row.zeros) zeros = BITS == 4 ? *reinterpret_cast<const u16 *>(row.zeros + at / 2) : *reinterpret_cast<const u32 *>(row.zeros + at);
    else zeros = BITS == 4 ? 0x8888u : 0x80808080u;
  }
  // In their place, one block that the lane has by itself.
  DEV void set(const Block &block) { own = {block.scale, block.zero, block.minimum, 0.f}; }
  DEV Block single() const { return {own.x, own.y, own.z}; }
  // All lanes call.
  DEV Block block(int at, int half) const {
    const float mine = at % 4 == 0 ? own.x : at % 4 == 1 ? own.y : at % 4 == 2 ? own.z : own.w, other = shuffle_xor(mine, 1);
    return {half ? other : mine, (float)(zeros >> at % 4 * BITS & ((1u << BITS) - 1)), half ? mine : other};
  }
};

template <class T, int BITS, int BM, int ROW_WARPS>
DEV void gemm_blocks(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, int block_shift, int scale_type, float *out2, int n2, float *out3, int n3) {
  constexpr int stage = (BM + BN) * BK;
  DYNAMIC_SHARED(u16, tiles);
  const Outputs read(BN, blockIdx.x, out1, n1, out2, n2, out3, n3);
  const int output0 = read.first, n = read.n;
  const RowTile rows(matrix_of, order, blockIdx.y, BM, counts[0] * factor);
  if (rows.is_empty()) return;
  const TilePlaces<BM> places(rows);
  const Matrix matrix(matrices, read.matrix(rows.matrix()));
  const Steps steps(k);
  GemmTile<T, BM, ROW_WARPS> tile;
  // Each thread unpacks half a row of the tile of weights.
  const int line = threadIdx.x / 2, half = threadIdx.x % 2;
  const bool has_line = output0 + line < n;
  const BlockRow<BITS> row(matrix, has_line ? output0 + line : 0, k, block_shift, scale_type);
  u32 words[4] = {};
  FourBlocks<BITS> four = {{0.f, 0.f, 0.f, 0.f}, 0};
  // A step is within a block, or two blocks are in it.
  const bool by_four = block_shift >= 5 && FourBlocks<BITS>::fit(matrix, (k + (1 << block_shift) - 1) >> block_shift);
  auto load = [&](int step) {
    const int column = step * BK + half * 16;
    const bool is_inside = has_line && column < k;
    if (!by_four) four.set(is_inside ? row.block(column >> block_shift) : Block{0.f, 0.f, 0.f});
    else if (has_line && (step == steps.begin || (step * BK & ((4 << block_shift) - 1)) == 0)) four.load(row, step * BK >> block_shift & ~3, half);
    row.load_chunk(words, is_inside ? column : 0);
  };
  auto unpack = [&](int step) {
    const Block block = by_four ? four.block(step * BK >> block_shift, half) : four.single();
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
  const Outputs outputs(BN, block_again(), out1, n1, out2, n2, out3, n3);
  tile.write(outputs, matrix.bias, places);
}

#define GEMM(name, T, BITS, BM, ROW_WARPS) \
  KERNEL_OF_BLOCKS(name, 256, BM == 32 ? 4 : 2)(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, int block_shift, int scale_type, float *out2, int n2, float *out3, int n3) { \
    gemm_blocks<T, BITS, BM, ROW_WARPS>(out1, x, matrices, matrix_of, order, counts, factor, n1, k, block_shift, scale_type, out2, n2, out3, n3); \
  }
GEMM(gemm_q4_bf16_32, Bf16, 4, 32, 1)
GEMM(gemm_q4_bf16_128, Bf16, 4, 128, 2)
GEMM(gemm_q4_f16_32, F16, 4, 32, 1)
GEMM(gemm_q4_f16_128, F16, 4, 128, 2)
GEMM(gemm_q8_bf16_32, Bf16, 8, 32, 1)
GEMM(gemm_q8_bf16_128, Bf16, 8, 128, 2)
GEMM(gemm_q8_f16_32, F16, 8, 32, 1)
GEMM(gemm_q8_f16_128, F16, 8, 128, 2)
