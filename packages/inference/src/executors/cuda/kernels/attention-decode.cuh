// Attention of pieces of few tokens to the pages of their sequences. One block computes up to 8 rows (a row is a head of a
// token) of the heads that share a kv head, on a part of the context, and reads each key and value once for them.
//
// q, out (tokens, heads, head_dim) float32, queries rotated and scaled by position. Pages [page][kv_head][16][head_dim]
// of one type; of 8 bits: number · scale, scales float32 [page][kv_head][16], else null. head_dim a multiple of 8, of 16 with
// 8 bits, 512 at most. piece_tokens, piece_lengths, piece_positions (pieces): first token, count of tokens (0: no work), first
// position. tables[sequences[token]][position / 16] are pages, rows table_stride apart. window: positions that a token
// attends to, itself included, 0: all. cap: cap · tanh(score / cap), 0: none. sinks (heads) or null: a score of each head
// that takes its share and adds nothing.
//
// 128 threads; grid (kv_heads · ⌈longest piece · heads / kv_heads / 8⌉, pieces, splits); attention_decode_shared bytes of
// dynamic shared memory. With splits > 1, out is not written but partial (tokens, heads, splits, head_dim + 2): sums, then
// the maximum and the total of the weights, for `attention_join`.
#pragma once
#include "scores.cuh"
#include "number-types.cuh"

#define ROWS 8
#define PAGE 16

struct DecodeArguments {
  float *out, *partial;
  const float *q, *key_scales, *value_scales, *sinks;
  const int *piece_tokens, *piece_lengths, *piece_positions, *sequences, *tables;
  int table_stride, heads, kv_heads, head_dim, window;
  float scale, cap;
};

// How many positions are computed at once, how many of those are on their way, and how numbers are read.
struct Bf16Pages : Bf16 {
  static constexpr int tile = 32, stages = 2;
  static constexpr bool has_scales = false;
  static DEV void read8(float (&out)[8], const stored *p) { load8<Bf16>(out, p); }
  static DEV float2 read2(const stored *p) { const u32 v = *reinterpret_cast<const u32 *>(p); return {bf16_low(v), bf16_high(v)}; }
};
struct F32Pages : F32 {
  static constexpr int tile = 16, stages = 1;
  static constexpr bool has_scales = false;
  static DEV void read8(float (&out)[8], const stored *p) { load8<F32>(out, p); }
  static DEV float2 read2(const stored *p) { return *reinterpret_cast<const float2 *>(p); }
};
struct I8Pages {
  typedef i8 stored;
  static constexpr int per16 = 16, tile = 32, stages = 2;
  static constexpr bool has_scales = true;
  static DEV float wide(u32 word, int at) { return float_from_bits(0x4b000000u | (word >> (8 * at) & 255)) - 8388736.f; }
  static DEV void read8(float (&out)[8], const stored *p) {
    const uint2 v = *reinterpret_cast<const uint2 *>(p);
    const u32 w[2] = {v.x ^ 0x80808080u, v.y ^ 0x80808080u};
#pragma unroll
    for (int i = 0; i < 8; i++) out[i] = wide(w[i / 4], i % 4);
  }
  static DEV float2 read2(const stored *p) {
    const u32 v = *reinterpret_cast<const u16 *>(p) ^ 0x8080u;
    return {wide(v, 0), wide(v, 1)};
  }
};

template <int WIDTH> DEV float lanes_max(float x) {
#pragma unroll
  for (int distance = WIDTH / 2; distance > 0; distance /= 2) x = fmaxf(x, shuffle_xor(x, distance));
  return x;
}
template <int WIDTH> DEV float lanes_sum(float x) {
#pragma unroll
  for (int distance = WIDTH / 2; distance > 0; distance /= 2) x += shuffle_xor(x, distance);
  return x;
}

// D: head_dim, or 0 where any is computed.
template <class T, int D> DEV void attention_decode(const typename T::stored *keys, const typename T::stored *values, const DecodeArguments &a) {
  typedef typename T::stored S;
  constexpr int tile = T::tile, row_groups = 128 / tile, rows_each = ROWS / row_groups;
  constexpr int pairs_each = D == 0 ? 2 : (D + 255) / 256, unrolled = D == 0 ? 1 : 4;
  const int dim = D == 0 ? a.head_dim : D, thread = threadIdx.x;
  const int group = a.heads / a.kv_heads, kv_head = blockIdx.x % a.kv_heads, row0 = blockIdx.x / a.kv_heads * ROWS;
  const int piece = blockIdx.y, splits = gridDim.z, rows = min(ROWS, a.piece_lengths[piece] * group - row0);
  if (rows <= 0) return;
  const int token0 = a.piece_tokens[piece], position0 = a.piece_positions[piece];
  const int *table = a.tables + (i64)a.sequences[token0] * a.table_stride;
  const int first = first_attended(position0 + row0 / group, a.window), end = position0 + (row0 + rows - 1) / group + 1;
  const int first_tile = first / tile, tiles = (end + tile - 1) / tile - first_tile, per = (tiles + splits - 1) / splits;
  const int tile_begin = first_tile + min((int)blockIdx.z * per, tiles), tile_end = first_tile + min(((int)blockIdx.z + 1) * per, tiles);

  SHARED(float, weights, T::tile * ROWS);  // [position][row]
  SHARED(float, kept, ROWS);
  SHARED(float2, ends, ROWS);
  DYNAMIC_SHARED(u8, memory);  // queries [ROWS][dim], then stages of keys and values, rows 16 bytes longer than they are
  float *queries = reinterpret_cast<float *>(memory);
  const int per16 = T::per16, stride = dim + per16, tile_numbers = tile * stride, row_chunks = dim / per16;
  S *tiles_at = reinterpret_cast<S *>(memory + ROWS * dim * sizeof(float));

  const float factor = query_factor(a.scale, a.cap);
#pragma unroll 1
  for (int i = thread; i < ROWS * dim; i += 128) {
    const int r = i / dim, row = row0 + min(r, rows - 1);
    const i64 at = (i64)(token0 + row / group) * a.heads + kv_head * group + row % group;
    queries[i] = a.q[at * dim + i % dim] * factor;
  }
  auto fetch = [&](int at) {
    S *to = tiles_at + at % T::stages * 2 * tile_numbers;
#pragma unroll 1
    for (int i = thread; i < 2 * tile * row_chunks; i += 128) {
      const int chunk = i % row_chunks, line = i / row_chunks % tile, position = at * tile + line;
      const bool is_value = i >= tile * row_chunks, is_inside = position >= first && position < end;
      const i64 page = is_inside ? table[position / PAGE] : 0;
      const S *from = (is_value ? values : keys) + ((page * a.kv_heads + kv_head) * PAGE + position % PAGE) * dim + chunk * per16;
      copy_async16(to + (is_value ? tile_numbers : 0) + line * stride + chunk * per16, is_inside ? from : keys, is_inside);
    }
  };
  float most[rows_each], total[rows_each], sums[ROWS][2 * pairs_each] = {};
#pragma unroll
  for (int i = 0; i < rows_each; i++) { most[i] = LEAST_SCORE; total[i] = 0.f; }
  const int line = thread % tile, row_group = thread / tile;
  // Each thread sums `pairs_each` pairs of features; where there are fewer pairs than threads, of some positions each.
  const int pairs = dim / 2, teams = pairs_each == 1 ? 128 / pairs : 1, team = thread / (pairs_each == 1 ? pairs : 128), pair = thread - team * pairs;
#pragma unroll
  for (int s = 0; s < T::stages - 1; s++) { if (tile_begin + s < tile_end) fetch(tile_begin + s); copy_commit(); }
#pragma unroll 1
  for (int at = tile_begin; at < tile_end; at++) {
    if (T::stages == 1 || at + T::stages - 1 < tile_end) fetch(at + T::stages - 1);
    copy_commit();
    copy_wait<T::stages - 1>();
    sync_block();
    const S *key = tiles_at + at % T::stages * 2 * tile_numbers, *value = key + tile_numbers;
    const int position = at * tile + line;
    float products[rows_each] = {};
#pragma unroll unrolled
    for (int d = 0; d < dim; d += 8) {
      float k[8];
      T::read8(k, key + line * stride + d);
#pragma unroll
      for (int i = 0; i < rows_each; i++) {
        float v[8];
        load8<F32>(v, queries + (row_group + i * row_groups) * dim + d);
#pragma unroll
        for (int j = 0; j < 8; j++) products[i] += k[j] * v[j];
      }
    }
    float key_scale = 1.f, value_scale = 1.f;
    if (T::has_scales && position >= first && position < end) {
      const i64 scale_at = ((i64)table[position / PAGE] * a.kv_heads + kv_head) * PAGE + position % PAGE;
      key_scale = a.key_scales[scale_at];
      value_scale = a.value_scales[scale_at];
    }
#pragma unroll
    for (int i = 0; i < rows_each; i++) {
      const int row = row_group + i * row_groups;
      const bool counts = row < rows && attends(position0 + (row0 + row) / group, position, a.window);
      const float score = counts ? score_of(products[i] * key_scale, a.cap) : LEAST_SCORE;
      const float above = fmaxf(most[i], lanes_max<tile>(score)), keep = exp2f(most[i] - above);
      const float weight = counts ? exp2f(score - above) : 0.f;
      total[i] = total[i] * keep + lanes_sum<tile>(weight);
      most[i] = above;
      weights[line * ROWS + row] = weight * value_scale;
      if (line == 0) kept[row] = keep;
    }
    sync_block();
    if (team < teams) {
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        const float keep = kept[r];
#pragma unroll
        for (int e = 0; e < 2 * pairs_each; e++) sums[r][e] *= keep;
      }
#pragma unroll 1
      for (int t = team; t < tile; t += teams) {
        float w[ROWS];
        load8<F32>(w, weights + t * ROWS);
#pragma unroll
        for (int e = 0; e < pairs_each; e++) {
          const int at_pair = pair + e * 128;
          if (pairs_each > 1 && at_pair >= pairs) continue;
          const float2 v = T::read2(value + t * stride + 2 * at_pair);
#pragma unroll
          for (int r = 0; r < ROWS; r++) { sums[r][2 * e] += w[r] * v.x; sums[r][2 * e + 1] += w[r] * v.y; }
        }
      }
    }
    sync_block();
  }
  // The teams' sums, in the memory of the tiles.
  float *joined = queries;
  copy_wait<0>();
  sync_block();
  if (team < teams) {
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int e = 0; e < pairs_each; e++) {
        const int at_pair = pair + e * 128;
        if (pairs_each > 1 && at_pair >= pairs) continue;
        joined[(team * ROWS + r) * dim + 2 * at_pair] = sums[r][2 * e];
        joined[(team * ROWS + r) * dim + 2 * at_pair + 1] = sums[r][2 * e + 1];
      }
  }
#pragma unroll
  for (int i = 0; i < rows_each; i++) if (line == 0) ends[row_group + i * row_groups] = {most[i], total[i]};
  sync_block();
#pragma unroll 1
  for (int i = thread; i < rows * dim; i += 128) {
    const int r = i / dim, feature = i % dim, row = row0 + r, head = kv_head * group + row % group;
    const i64 at = (i64)(token0 + row / group) * a.heads + head;
    float sum = 0.f;
#pragma unroll 1
    for (int t = 0; t < teams; t++) sum += joined[(t * ROWS + r) * dim + feature];
    const float2 end_of = ends[r];
    if (splits == 1) {
      const float sink = a.sinks ? a.sinks[head] * LOG2_E : LEAST_SCORE, above = fmaxf(end_of.x, sink), keep = exp2f(end_of.x - above);
      a.out[at * dim + feature] = sum * keep / (end_of.y * keep + (a.sinks ? exp2f(sink - above) : 0.f));
    } else {
      float *to = a.partial + (at * splits + blockIdx.z) * (dim + 2);
      to[feature] = sum;
      if (feature == 0) { to[dim] = end_of.x; to[dim + 1] = end_of.y; }
    }
  }
}

#define ATTENTION_DECODE(name, T, D)                                                                                                             \
  KERNEL(name, 128)(float *out, float *partial, const float *q, const T::stored *keys, const T::stored *values, const float *key_scales, const float *value_scales, \
   const float *sinks, const int *piece_tokens, const int *piece_lengths, const int *piece_positions, const int *sequences, const int *tables,    \
   int table_stride, int heads, int kv_heads, int head_dim, int window, float scale, float cap) {                                                 \
    attention_decode<T, D>(keys, values, {out, partial, q, key_scales, value_scales, sinks, piece_tokens, piece_lengths, piece_positions,         \
                                          sequences, tables, table_stride, heads, kv_heads, head_dim, window, scale, cap});                       \
  }
