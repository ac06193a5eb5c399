// Attention of pieces of many tokens to the pages of their sequences, by tensor cores, as FlashAttention-2 does it: the scores
// of a tile of positions stay in registers, and sums are scaled again where a larger score comes.
//
// Arguments as in attention-pieces.cuh, head_dim D, partial not used; queries and weights are rounded to bf16, and numbers of
// 8 bits become bf16, exactly. A block computes 64 rows of the heads that share a kv head, 16 a warp.
//
// 128 threads; grid (⌈longest piece · heads / kv_heads / 64⌉, kv_heads, pieces); dynamic shared memory: (64 + 2 · tile) · (D +
// 8) · 2 bytes, of tiles of 64 positions, or 32 where D > 96; with pages of 8 bits 2 · tile · (D + 4) more.
//
// Dao 2023, arXiv:2307.08691.
#pragma once
#include "attention-tensor.cuh"

#define ROWS 64

template <class S, int D> DEV void attention_prefill(const S *keys, const S *values, const PieceArguments &a) {
  // Rows of an odd number of 16 bytes: those of a matrix are in different banks.
  constexpr int tile = D > 96 ? 32 : 64, stride = D + 8, per16 = 16 / sizeof(S), chunks = D / per16;
  constexpr bool has_scales = sizeof(S) == 1;
  DYNAMIC_SHARED(u16, queries);
  u16 *key_tile = queries + ROWS * stride, *value_tile = key_tile + tile * stride;
  // Numbers of 8 bits before they are in the tiles, and scales of keys and of values.
  S *staged_keys = reinterpret_cast<S *>(value_tile + tile * stride), *staged_values = staged_keys + tile * D;
  float *scales = reinterpret_cast<float *>(staged_values + tile * D);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32, window = a.window;
  const PieceRows rows(a, blockIdx.y, blockIdx.z, blockIdx.x, ROWS);
  if (rows.count <= 0) return;
  const int first_query = rows.position_of(0), last_query = rows.end - 1;

#pragma unroll 1
  for (int i = thread; i < ROWS * D / 4; i += 128) {
    const auto [line, chunk] = line_chunk<D / 8, ROWS>(i / 2);
    const int column = chunk * 8 + i % 2 * 4;
    uint2 packed = {0, 0};
    if (line < rows.count) {
      const float4 v = load_float4(a.q + rows.place_of(line) * D + column);
      packed = {pack_bf16(v.x, v.y), pack_bf16(v.z, v.w)};
    }
    store8(queries + line * stride + column, packed);
  }
  // Of 8 bits a chunk becomes two in the tile: of lines of 6, neighbours are 4 of two lines, and 2 of lines 0, 1, 4 and 5 or 2, 3, 6 and 7.
  auto copied_chunk = [](int i) INLINE -> LineChunk {
    if (!has_scales) return line_chunk<chunks, tile>(i);
    if (chunks != 6) return {i / chunks, i % chunks};
    if (i < tile * 4) return {i / 4, i % 4};
    const int at = i - tile * 4;
    return {at / 16 * 8 + at / 8 % 2 * 2 + at / 2 % 2 + at / 4 % 2 * 4, 4 + at % 2};
  };
  auto place_of = [&](int position) INLINE { return ((i64)(rows.reads(position) ? rows.table[position / PAGE] : 0) * a.kv_heads + rows.kv_head) * PAGE + position % PAGE; };
  auto fetch = [&](u16 *to, S *staged, const S *from, int at) INLINE {
#pragma unroll 1
    for (int i = thread; i < tile * chunks; i += 128) {
      const auto [line, chunk] = copied_chunk(i);
      const int position = at * tile + line;
      const bool is_inside = rows.reads(position);
      copy_async16(has_scales ? (void *)(staged + i * per16) : to + line * stride + chunk * per16, is_inside ? from + place_of(position) * D + chunk * per16 : from, is_inside);
    }
  };
  auto fetch_keys = [&](int at) INLINE {
    fetch(key_tile, staged_keys, keys, at);
    if (has_scales && thread < tile / 2) {
      const int position = at * tile + thread * 4 % tile;
      const float *from = thread < tile / 4 ? a.key_scales : a.value_scales;
      const bool is_inside = position + 3 >= rows.first && position < rows.end;
      copy_async16(scales + thread * 4, is_inside ? from + place_of(max(position, rows.first)) / 4 * 4 : from, is_inside);
    }
    copy_commit();
  };
  // Moves what this thread has fetched to the tile.
  auto unpack = [&](u16 *to, const S *staged) INLINE {
#pragma unroll 1
    for (int i = thread; has_scales && i < tile * chunks; i += 128) {
      const uint4 v = load16(staged + i * per16);
      // Where 8 threads have a row, half of them write their second half first: all are in different banks then.
      const bool is_second = chunks % 8 == 0 && i / 4 % 2 != 0;
      const u32 a = (is_second ? v.z : v.x) ^ 0x80808080u, b = (is_second ? v.w : v.y) ^ 0x80808080u;
      const u32 c = (is_second ? v.x : v.z) ^ 0x80808080u, d = (is_second ? v.y : v.w) ^ 0x80808080u;
      const auto [line, chunk] = copied_chunk(i);
      u16 *own = to + line * stride + chunk * per16;
      store16(own + (is_second ? 8 : 0), {bytes_as_bf16<0, 1>(a), bytes_as_bf16<2, 3>(a), bytes_as_bf16<0, 1>(b), bytes_as_bf16<2, 3>(b)});
      store16(own + (is_second ? 0 : 8), {bytes_as_bf16<0, 1>(c), bytes_as_bf16<2, 3>(c), bytes_as_bf16<0, 1>(d), bytes_as_bf16<2, 3>(d)});
    }
  };
  // There may be anything behind the last position.
  auto clear_scales = [&](int at) INLINE {
    for (int i = 0; has_scales && i < 4; i++)
      if (thread < tile / 2 && !rows.reads(at * tile + thread * 4 % tile + i)) scales[thread * 4 + i] = 0.f;
  };

  SoftmaxRows softmax;
  float sums[D / 8][4];
#pragma unroll
  for (int j = 0; j < D / 8; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) sums[j][e] = 0.f;
  const float factor = query_factor(a.scale, a.cap);
  const int tile_end = (rows.end + tile - 1) / tile;
  int at = rows.first / tile;
  fetch_keys(at);
#pragma unroll 1
  for (; at < tile_end; at++) {
    fetch(value_tile, staged_values, values, at);
    copy_commit();
    copy_wait<1>();
    unpack(key_tile, staged_keys);
    clear_scales(at);
    sync_block();
    float scores[tile / 8][4];
#pragma unroll
    for (int j = 0; j < tile / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) scores[j][e] = 0.f;
#pragma unroll
    for (int d = 0; d < D / 16; d++) {
      u32 q[4];
      load_matrix_x4(q, queries + (warp * 16 + (lane & 15)) * stride + d * 16 + (lane >> 4) * 8);
#pragma unroll
      for (int j = 0; j < tile / 16; j++) {
        u32 b[4];
        load_matrix_x4(b, key_tile + (j * 16 + (lane & 7) + (lane >> 4 << 3)) * stride + d * 16 + (lane >> 3 & 1) * 8);
        mma_bf16(scores[2 * j], q, b[0], b[1]);
        mma_bf16(scores[2 * j + 1], q, b[2], b[3]);
      }
    }
#pragma unroll
    for (int j = 0; j < tile / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) scores[j][e] *= has_scales ? scales[j * 8 + lane % 4 * 2 + (e & 1)] * factor : factor;
    cap_scores(scores, a.cap);
    // Of tiles that every row attends to, nothing is masked.
    const bool is_whole = (at + 1) * tile - 1 <= first_query && (window <= 0 || last_query - at * tile < window);
    if (!is_whole) {
      const int row = warp * 16 + lane / 4, own[2] = {rows.position_of(row), rows.position_of(row + 8)};
      mask_scores(scores, at * tile + lane % 4 * 2, own, window);
    }
    float keep[2];
    softmax.weigh(scores, keep);
#pragma unroll
    for (int j = 0; j < D / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[j][e] *= keep[e >> 1];
    u32 weights[tile / 8][2];
#pragma unroll
    for (int j = 0; j < tile / 8; j++) {
      const float *share = scales + tile + j * 8 + lane % 4 * 2;
#pragma unroll
      for (int h = 0; h < 2; h++)
        weights[j][h] = has_scales ? pack_bf16(scores[j][2 * h] * share[0], scores[j][2 * h + 1] * share[1]) : pack_bf16(scores[j][2 * h], scores[j][2 * h + 1]);
    }
    sync_block();
    if (at + 1 < tile_end) fetch_keys(at + 1);
    else copy_commit();
    copy_wait<1>();
    unpack(value_tile, staged_values);
    sync_block();
#pragma unroll
    for (int k = 0; k < tile / 16; k++) {
      const u32 w[4] = {weights[2 * k][0], weights[2 * k][1], weights[2 * k + 1][0], weights[2 * k + 1][1]};
#pragma unroll
      for (int j = 0; j < D / 16; j++) {
        u32 b[4];
        load_matrix_x4_transposed(b, value_tile + (k * 16 + (lane & 15)) * stride + j * 16 + (lane >> 4) * 8);
        mma_bf16(sums[2 * j], w, b[0], b[1]);
        mma_bf16(sums[2 * j + 1], w, b[2], b[3]);
      }
    }
    sync_block();
  }
  copy_wait<0>();
  softmax.join_lanes();
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const int r = warp * 16 + lane / 4 + h * 8;
    if (r >= rows.count) continue;
    const float sink = a.sinks ? a.sinks[rows.head_of(r)] * LOG2_E : LEAST_SCORE, last = fmaxf(softmax.most[h], sink), keep = exp2f(softmax.most[h] - last);
    const float share = keep / (softmax.total[h] * keep + (a.sinks ? exp2f(sink - last) : 0.f));
    const i64 to = rows.place_of(r) * D;
#pragma unroll
    for (int j = 0; j < D / 8; j++) store2_as(a.out, to + j * 8 + lane % 4 * 2, {sums[j][2 * h] * share, sums[j][2 * h + 1] * share}, a.out_type);
  }
}
