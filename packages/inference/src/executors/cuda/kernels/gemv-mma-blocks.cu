// out[row][i] = bias[i] + sum over k of w[i][k] · x[row][k] for few rows by tensor cores, with weights of 4 or 8 bits in blocks
// along k and inputs in bf16; float32 accumulation. Integers are multiplied, which bf16 holds; scales multiply sums of a block.
//
// The weights are as they are stored (blocks.cuh), with scales in float32, and rows of a multiple of 16 bytes; a table of
// matrices as in matrix.cuh, without orders of columns. block_size = 2^block_shift, 16 at least. x (rows, k) from a multiple of
// 16 bytes on, k a multiple of 8; out (rows, n) float32. Rows: counts[0] · factor. Any n.
//
// Entries gemv_mma_qBITS_R; up to 8 warps; grid, rows_of_block, matrix_of, order and further products as in gemv-mma.cu. Dynamic shared memory: 4
// stages of 1024 + 128 · max(4, blocks of a stage, 512 / BITS / block_size) bytes for each warp.
#include "gemv-mma.cuh"

#define STAGES 4
#define ONES 0x3f803f80u

// Where 16 bytes of a line of 64 are: neighbours in a column are in different banks.
DEV int place16(int line, int chunk) { return line * 64 + ((chunk ^ (line >> 1 & 3)) << 4); }
// Where a number of a block is in a group of 4 or 8 of a line; likewise.
DEV int place_of_number(int line, int block, int group) { return line * group + (block ^ (line & group / 2 & 4)); }
DEV u32 low_halves(u32 a, u32 b) { return (a & 0xffffu) | b << 16; }
DEV u32 high_halves(u32 a, u32 b) { return a >> 16 | (b & 0xffff0000u); }

// A lane's share of a chunk, 16 bytes of each of 16 lines: a word of two lines, and the inputs of a row for it. bf16 holds integers
// of 8 bits: q + `more` is multiplied.
template <int BITS> struct Chunk;
// Eight numbers of a word, of which those of its halves are multiplied together: 128 + q.
template <> struct Chunk<4> {
  static constexpr int columns = 32, each = 8, words = 4;
  // What is multiplied is so much more than q less its zero point.
  static DEV float more_than(u32 zero) { return float_from_bits(0x43000000u | zero << 16); }
  static DEV void load(u32 (&x)[words], const u16 *from) {
    const uint4 v = load_read_only16(from);
    x[0] = low_halves(v.x, v.z); x[1] = high_halves(v.x, v.z); x[2] = low_halves(v.y, v.w); x[3] = high_halves(v.y, v.w);
  }
  static DEV u32 at(u32 word, int i) { return (word >> 4 * i & 0x000f000fu) | 0x43004300u; }
  static DEV void multiply(float (&sums)[4], u32 a, u32 below, const u32 (&x)[words]) {
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      const u32 numbers[4] = {at(a, i), at(below, i), at(a, i + 1), at(below, i + 1)};
      mma_bf16(sums, numbers, x[i], x[i + 1]);
    }
  }
};
// Four numbers of a word, q − 128 as a sum: 128 + the low 7 bits; −128 or, where the high bit is not set, −256.
template <> struct Chunk<8> {
  static constexpr int columns = 16, each = 4, words = 2;
  static DEV float more_than(u32 zero) { return (float)((int)zero - 128); }
  static DEV void load(u32 (&x)[words], const u16 *from) {
    const uint2 v = load_read_only8(from);
    x[0] = low_halves(v.x, v.y); x[1] = high_halves(v.x, v.y);
  }
  static DEV u32 low(u32 word) { return (word & 0x007f007fu) | 0x43004300u; }
  static DEV u32 less(u32 word) { return (word & 0x00800080u) ^ 0xc380c380u; }
  static DEV void multiply(float (&sums)[4], u32 a, u32 below, const u32 (&x)[words]) {
    const u32 numbers[4] = {low(a), low(below), low(a >> 8), low(below >> 8)};
    const u32 others[4] = {less(a), less(below), less(a >> 8), less(below >> 8)};
    mma_bf16(sums, numbers, x[0], x[1]);
    mma_bf16(sums, others, x[0], x[1]);
  }
};

template <int BITS, int R>
DEV void gemv_mma_blocks(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, int rows_of_block, int block_shift, float *out2, int n2, float *out3, int n3) {
  typedef Chunk<BITS> C;
  constexpr int tiles = R / 8, chunks = 4, step = chunks * C::columns;
  DYNAMIC_SHARED(u8, memory);
  const BlockRows<R> rows(matrix_of, order, rows_of_block, counts[0] * factor);
  if (rows.tile.is_empty()) return;
  const Outputs read(OUTPUTS, blockIdx.x, out1, n1, out2, n2, out3, n3);
  const Matrix matrix(matrices, read.matrix(rows.tile.matrix()));
  const int lane = threadIdx.x % 32, line = lane / 4, quarter = lane % 4, output0 = read.first, n = read.n;
  const int blocks = (k + (1 << block_shift) - 1) >> block_shift, bytes = (blocks << block_shift) / 8 * BITS;
  const u8 *q = (const u8 *)matrix.data;
  // Scales are copied in groups of 8 blocks, which are a sector of a line; beside minima in groups of 4, or of a stage that has more.
  const bool has_minima = matrix.minima;
  const int group_shift = has_minima && (BITS == 8 || block_shift > 4) ? 2 : 3, group = 1 << group_shift, column_shift = block_shift + group_shift;
  const int group_size = has_minima ? 32 * group : 16 * group, warp_bytes = STAGES * (1024 + 128 * max(4, step >> block_shift));
  u8 *const ring = memory + threadIdx.x / 32 * warp_bytes;
  float *const groups = reinterpret_cast<float *>(ring + STAGES * 1024);
  const bool is_wide = blocks % 4 == 0 && is_aligned16(matrix.scales) && is_aligned16(matrix.minima);
  const WarpColumns part(k, step);
  // The numbers of a stage and, where a group begins, its scales and minima as (line, block); 0 beyond the row.
  auto fetch = [&](int begin) {
    u8 *to = ring + begin / step % STAGES * 1024;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const int l = line + h * 8, at = begin / 8 * BITS + quarter * 16;
      copy_async16(to + place16(l, quarter), q + (i64)min(output0 + l, n - 1) * bytes + at, at < bytes);
    }
    if (begin != part.begin && (begin & ((1 << column_shift) - 1)) != 0) return;
    // Half of the lanes copy scales, half minima, or all of them half a line.
    const int first = has_minima ? 0 : lane / 16 * 4, first_block = (begin >> column_shift << group_shift) + first;
    const float *numbers = (has_minima && lane >= 16 ? matrix.minima : matrix.scales) + (i64)min(output0 + lane % 16, n - 1) * blocks;
    float *to_group = groups + (begin >> column_shift & (STAGES - 1)) * group_size;
#pragma unroll 1
    for (int j = 0; j < (has_minima ? group : 4); j += is_wide ? 4 : 1) {
      const int block = first_block + j;
      float *place = to_group + place_of_number(has_minima ? lane : lane % 16, first + j, group);
      if (is_wide) copy_async_cached<16>(place, block < blocks ? numbers + block : numbers, block < blocks);
      else copy_async_cached<4>(place, block < blocks ? numbers + block : numbers, block < blocks);
    }
  };
  // Blocks of 16 columns are half a chunk of 32: inputs of the other half are 0 then.
  const int halves = BITS == 4 && block_shift == 4 ? 2 : 1;
  const u16 *from[tiles];
#pragma unroll
  for (int t = 0; t < tiles; t++) from[t] = x + rows.begin(t * 8 + line, k) + quarter * C::each;
  float sums[tiles][4] = {}, products[tiles][4] = {}, totals[tiles][4] = {};
  const int zero_bytes = (blocks * BITS + 7) / 8;
  auto zeros_of = [&](int h) { return matrix.zeros + (i64)min(output0 + line + 8 * h, n - 1) * zero_bytes; };
  // Of 4 bits the zero points of 8 blocks of the lane's lines, a stage's at least; 16 rows leave no registers for them.
  constexpr bool in_words = BITS == 4 && R == 8;
  u32 zeros[2] = {0x88888888u, 0x88888888u};
  auto load_zeros = [&](int first) {
    const u8 *at[2] = {zeros_of(0) + first, zeros_of(1) + first};
    if (((zero_bytes | (u32)(u64)matrix.zeros) & 3) == 0) {
#pragma unroll
      for (int h = 0; h < 2; h++) zeros[h] = *reinterpret_cast<const u32 *>(at[h]);
      return;
    }
#pragma unroll 1
    for (int i = min(4, zero_bytes - first) - 1; i >= 0; i--)
#pragma unroll
      for (int h = 0; h < 2; h++) zeros[h] = zeros[h] << 8 | at[h][i];
  };
  // Ends a block: its products, and what is added to each of its inputs, by the scales of two lines.
  auto add_block = [&](const float *of_group, int block) {
    const float *scales = of_group + place_of_number(line, block & (group - 1), group);
    float scale[2], offset[2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      u32 zero = 1 << (BITS - 1);
      if (in_words) zero = zeros[h] >> block % 8 * 4 & 15;
      else if (matrix.zeros && block < blocks) zero = BITS == 4 ? zeros_of(h)[block / 2] >> block % 2 * 4 & 15 : zeros_of(h)[block];
      scale[h] = scales[8 * h * group];
      offset[h] = (has_minima ? scales[(8 * h + 16) * group] : 0.f) - scale[h] * C::more_than(zero);
    }
#pragma unroll
    for (int t = 0; t < tiles; t++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        sums[t][e] += scale[e / 2] * products[t][e] + offset[e / 2] * totals[t][e];
        products[t][e] = totals[t][e] = 0.f;
      }
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (part.begin + s * step < part.end) fetch(part.begin + s * step);
    copy_commit();
  }
#pragma unroll 1
  for (int begin = part.begin; begin < part.end; begin += step) {
    if (in_words && matrix.zeros && (begin == part.begin || (begin & ((8 << block_shift) - 1)) == 0)) load_zeros((begin >> (block_shift + 3)) * 4);
    u32 inputs[chunks][tiles][C::words];
#pragma unroll
    for (int c = 0; c < chunks; c++)
#pragma unroll
      for (int t = 0; t < tiles; t++) {
        const int column = begin + c * C::columns;
        if (column + quarter * C::each < k) C::load(inputs[c][t], from[t] + column);
        else
#pragma unroll
          for (int i = 0; i < C::words; i++) inputs[c][t][i] = 0;
      }
    copy_wait<STAGES - 2>();
    sync_warp();
    if (begin + (STAGES - 1) * step < part.end) fetch(begin + (STAGES - 1) * step);
    copy_commit();
    const u8 *stage = ring + begin / step % STAGES * 1024;
    const float *of_group = groups + (begin >> column_shift & (STAGES - 1)) * group_size;
#pragma unroll
    for (int pair = 0; pair < chunks; pair += 2) {
      u32 words[4];
      load_matrix_x4(words, stage + place16(lane & 15, pair + (lane >> 4)));
#pragma unroll
      for (int c = pair; c < pair + 2; c++) {
        const int column = begin + c * C::columns;
        const bool is_end = (column + C::columns & (1 << block_shift) - 1) == 0 || c == chunks - 1;
#pragma unroll 1
        for (int half = 0; half < halves; half++) {
          const bool counts_here = halves == 1 || quarter / 2 == half;
#pragma unroll
          for (int t = 0; t < tiles; t++) {
            u32 v[C::words];
#pragma unroll
            for (int i = 0; i < C::words; i++) v[i] = counts_here ? inputs[c][t][i] : 0;
            C::multiply(products[t], words[(c - pair) * 2], words[(c - pair) * 2 + 1], v);
            const u32 ones[4] = {ONES, ONES, ONES, ONES};
#pragma unroll
            for (int i = 0; i < C::words; i += 2) mma_bf16(totals[t], ones, v[i], v[i + 1]);
          }
          if (is_end) add_block(of_group, (column >> block_shift) + half);
        }
      }
    }
  }
  copy_wait<0>();
  sync_warp();
  const Outputs outputs(OUTPUTS, block_again(), out1, n1, out2, n2, out3, n3);
  write_outputs<R>(outputs, reinterpret_cast<float *>(memory), warp_bytes / 4, sums, rows, Matrix(matrices, outputs.matrix(rows.tile.matrix())).bias);
}

#define GEMV(DECLARATION, BITS, R) \
  DECLARATION(float *out1, const u16 *x, const i64 *matrices, const int *matrix_of, const int *order, const int *counts, int factor, int n1, int k, int rows_of_block, int block_shift, float *out2, int n2, float *out3, int n3) { \
    gemv_mma_blocks<BITS, R>(out1, x, matrices, matrix_of, order, counts, factor, n1, k, rows_of_block, block_shift, out2, n2, out3, n3); \
  }
GEMV(KERNEL(gemv_mma_q4_8, 256), 4, 8)
GEMV(KERNEL_OF_BLOCKS(gemv_mma_q4_16, 256, 2), 4, 16)
GEMV(KERNEL(gemv_mma_q8_8, 256), 8, 8)
GEMV(KERNEL_OF_BLOCKS(gemv_mma_q8_16, 256, 2), 8, 16)
