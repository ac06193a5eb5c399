// Attention of pieces of many tokens to the pages of their sequences, by tensor cores, as FlashAttention-2 does it: the scores
// of a tile of positions stay in registers, and sums are scaled again where a larger score comes.
//
// Arguments and pages as in attention-decode.cuh, pages of 16 bits, head_dim D; queries and weights are rounded to the
// type of the pages. A block computes 64 rows of the heads that share a kv head (a row is a head of a token), 16 a warp.
//
// 128 threads; grid (⌈longest piece · heads / kv_heads / 64⌉, kv_heads, pieces); dynamic shared memory: (64 + 2 · tile) · (D +
// 8) · 2 bytes, of tiles of 64 positions, or 32 where D > 96.
//
// Dao 2023, arXiv:2307.08691.
#pragma once
#include "scores.cuh"
#include "number-types.cuh"

#define ROWS 64
#define PAGE 16

template <class T, int D>
DEV void attention_prefill(float *out, const float *q, const u16 *keys, const u16 *values, const float *sinks, const int *piece_tokens,
                           const int *piece_lengths, const int *piece_positions, const int *sequences, const int *tables, int table_stride, int heads,
                           int kv_heads, int window, float scale, float cap) {
  // Rows of an odd number of 16 bytes: those of a matrix are in different banks.
  constexpr int tile = D > 96 ? 32 : 64, stride = D + 8, chunks = D / 8;
  DYNAMIC_SHARED(u16, queries);
  u16 *key_tile = queries + ROWS * stride, *value_tile = key_tile + tile * stride;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int group = heads / kv_heads, kv_head = blockIdx.y, piece = blockIdx.z, row0 = blockIdx.x * ROWS;
  const int rows = min(ROWS, piece_lengths[piece] * group - row0);
  if (rows <= 0) return;
  const int token0 = piece_tokens[piece], position0 = piece_positions[piece];
  const int *table = tables + (i64)sequences[token0] * table_stride;
  const int first_query = position0 + row0 / group, last_query = position0 + (row0 + rows - 1) / group;
  const int first = first_attended(first_query, window), end = last_query + 1;

#pragma unroll 1
  for (int i = thread; i < ROWS * D / 2; i += 128) {
    const int r = i / (D / 2), pair = i % (D / 2), row = row0 + r;
    u32 packed = 0;
    if (r < rows) {
      const float2 v = *reinterpret_cast<const float2 *>(q + ((i64)(token0 + row / group) * heads + kv_head * group + row % group) * D + 2 * pair);
      packed = T::pack(v.x, v.y);
    }
    *reinterpret_cast<u32 *>(queries + r * stride + 2 * pair) = packed;
  }
  auto fetch = [&](u16 *to, const u16 *from, int at) {
#pragma unroll 1
    for (int i = thread; i < tile * chunks; i += 128) {
      const int line = i / chunks, chunk = i % chunks, position = at * tile + line;
      const bool is_inside = position >= first && position < end;
      const i64 page = is_inside ? table[position / PAGE] : 0;
      copy_async16(to + line * stride + chunk * 8, is_inside ? from + ((page * kv_heads + kv_head) * PAGE + position % PAGE) * D + chunk * 8 : from, is_inside);
    }
    copy_commit();
  };

  float sums[D / 8][4], most[2] = {LEAST_SCORE, LEAST_SCORE}, total[2] = {0.f, 0.f};
#pragma unroll
  for (int j = 0; j < D / 8; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) sums[j][e] = 0.f;
  // The positions of this lane's two rows.
  const int own[2] = {position0 + (row0 + warp * 16 + lane / 4) / group, position0 + (row0 + warp * 16 + lane / 4 + 8) / group};
  const float factor = query_factor(scale, cap);
  const int tile_end = (end + tile - 1) / tile;
  int at = first / tile;
  fetch(key_tile, keys, at);
#pragma unroll 1
  for (; at < tile_end; at++) {
    fetch(value_tile, values, at);
    copy_wait<1>();
    sync_block();
    float scores[tile / 8][4];
#pragma unroll
    for (int j = 0; j < tile / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) scores[j][e] = 0.f;
#pragma unroll
    for (int d = 0; d < D / 16; d++) {
      u32 a[4];
      load_matrix_x4(a, queries + (warp * 16 + (lane & 15)) * stride + d * 16 + (lane >> 4) * 8);
#pragma unroll
      for (int j = 0; j < tile / 16; j++) {
        u32 b[4];
        load_matrix_x4(b, key_tile + (j * 16 + (lane & 7) + (lane >> 4 << 3)) * stride + d * 16 + (lane >> 3 & 1) * 8);
        T::mma(scores[2 * j], a, b[0], b[1]);
        T::mma(scores[2 * j + 1], a, b[2], b[3]);
      }
    }
    // Of tiles that every row attends to, nothing is masked.
    const bool is_whole = (at + 1) * tile - 1 <= first_query && (window <= 0 || last_query - at * tile < window);
    float above[2] = {most[0], most[1]};
#pragma unroll
    for (int j = 0; j < tile / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int position = at * tile + j * 8 + lane % 4 * 2 + (e & 1);
        const float score = score_of(scores[j][e] * factor, cap);
        scores[j][e] = is_whole || attends(own[e >> 1], position, window) ? score : 2.f * LEAST_SCORE;
        above[e >> 1] = fmaxf(above[e >> 1], scores[j][e]);
      }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      above[h] = fmaxf(above[h], shuffle_xor(above[h], 1));
      above[h] = fmaxf(above[h], shuffle_xor(above[h], 2));
      const float keep = exp2f(most[h] - above[h]);
      most[h] = above[h];
      total[h] *= keep;
#pragma unroll
      for (int j = 0; j < D / 8; j++) { sums[j][2 * h] *= keep; sums[j][2 * h + 1] *= keep; }
    }
    u32 weights[tile / 8][2];
#pragma unroll
    for (int j = 0; j < tile / 8; j++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        // Below the least score whatever the largest: masked scores have no weight.
        const float low = exp2f(scores[j][2 * h] - most[h]), high = exp2f(scores[j][2 * h + 1] - most[h]);
        total[h] += low + high;
        weights[j][h] = T::pack(low, high);
      }
    sync_block();
    if (at + 1 < tile_end) fetch(key_tile, keys, at + 1);
    else copy_commit();
    copy_wait<1>();
    sync_block();
#pragma unroll
    for (int k = 0; k < tile / 16; k++) {
      const u32 a[4] = {weights[2 * k][0], weights[2 * k][1], weights[2 * k + 1][0], weights[2 * k + 1][1]};
#pragma unroll
      for (int j = 0; j < D / 16; j++) {
        u32 b[4];
        load_matrix_x4_transposed(b, value_tile + (k * 16 + (lane & 15)) * stride + j * 16 + (lane >> 4) * 8);
        T::mma(sums[2 * j], a, b[0], b[1]);
        T::mma(sums[2 * j + 1], a, b[2], b[3]);
      }
    }
    sync_block();
  }
  copy_wait<0>();
#pragma unroll
  for (int h = 0; h < 2; h++) {
    total[h] += shuffle_xor(total[h], 1);
    total[h] += shuffle_xor(total[h], 2);
    const int r = warp * 16 + lane / 4 + h * 8, row = row0 + r, head = kv_head * group + row % group;
    if (r >= rows) continue;
    const float sink = sinks ? sinks[head] * LOG2_E : LEAST_SCORE, last = fmaxf(most[h], sink), keep = exp2f(most[h] - last);
    const float share = keep / (total[h] * keep + (sinks ? exp2f(sink - last) : 0.f));
    float *to = out + ((i64)(token0 + row / group) * heads + head) * D;
#pragma unroll
    for (int j = 0; j < D / 8; j++) *reinterpret_cast<float2 *>(to + j * 8 + lane % 4 * 2) = {sums[j][2 * h] * share, sums[j][2 * h + 1] * share};
  }
}

#define ATTENTION_PREFILL(name, T, D)                                                                                                              \
  KERNEL(name, 128)(float *out, const float *q, const u16 *keys, const u16 *values, const float *sinks, const int *piece_tokens, const int *piece_lengths,           \
   const int *piece_positions, const int *sequences, const int *tables, int table_stride, int heads, int kv_heads, int window, float scale,         \
   float cap) {                                                                                                                                    \
    attention_prefill<T, D>(out, q, keys, values, sinks, piece_tokens, piece_lengths, piece_positions, sequences, tables, table_stride, heads,      \
                            kv_heads, window, scale, cap);                                                                                         \
  }
