// Attention of pieces of few tokens by tensor cores: each key and value is read once for up to 16 rows.
//
// Arguments as in attention-pieces.cuh, head_dim D, a multiple of 16; queries and weights are rounded to bf16, and numbers of
// 8 bits become bf16, exactly. Pages are shared among the warps of a block by their number, so that a row's sums do not
// depend on how many rows there are; a warp copies its next pages, keys and values apart, while it computes, and
// waits for the others at the end only.
//
// 128 threads, or 64 where D > 128; grid (kv_heads · ⌈longest piece · heads / kv_heads / 16⌉, pieces, splits); dynamic shared
// memory: threads / 32 · 2 · (32 · (D · bytes of a number + 16) + (8 bits: 128)) bytes. With splits > 1, out is not written
// but partial (tokens, heads, splits, head_dim + 2): sums, then the maximum and the total of the weights, for `attention_join`.
#pragma once
#include "attention-tensor.cuh"

#define ROWS 16
#define STAGES 2
#define DECODE_WARPS(D) ((D) > 128 ? 2 : 4)

// How 16 positions and 16 features of a page in shared memory become b of two products: of scores (columns are positions 0
// to 7 and 8 to 15) and of sums (columns are features).
struct Bf16Page {
  typedef u16 stored;
  static constexpr int per16 = 8;
  // Where a line of a page is: those of a matrix are in different banks.
  template <int D> static DEV int line_place(int line) { return line * (D + 8); }
  // The lane's features of queries that meet those of keys.
  static DEV void load_query(float2 (&v)[2], const float *from, int lane) {
    v[0] = load_float2(from + lane % 4 * 2);
    v[1] = load_float2(from + 8 + lane % 4 * 2);
  }
  template <int D> static DEV void load_keys(u32 (&b)[4], const u16 *page, int lane) {
    load_matrix_x4(b, page + line_place<D>((lane & 7) + (lane >> 4 << 3)) + (lane >> 3 & 1) * 8);
  }
  template <int D> static DEV void load_values(u32 (&b)[4], const u16 *page, int lane) {
    load_matrix_x4_transposed(b, page + line_place<D>(lane & 15) + (lane >> 4) * 8);
  }
  // The lane's sums of a row: two of each product. Rows of half a warp are in different banks.
  static constexpr int sum_stride(int dim) { return dim + 8; }
  static DEV void write_sums(float *to, int lane, float2 first, float2 second) {
    store_float2(to + lane % 4 * 2, first);
    store_float2(to + 8 + lane % 4 * 2, second);
  }
};
// Pairs of bytes are moved as numbers of 16 bits: in scores a lane has four neighbouring features, in sums even features are
// of the first product and odd ones of the second.
struct I8Page {
  typedef i8 stored;
  static constexpr int per16 = 16;
  // Lines of 64 bytes are written two at once.
  template <int D> static DEV int line_place(int line) {
    if (D == 64) return line / 2 * 144 + line % 2 * 64;
    return line * (D % 32 == 0 ? D + 16 : D);
  }
  static DEV void load_query(float2 (&v)[2], const float *from, int lane) {
    const float4 all = load_float4(from + lane % 4 * 4);
    v[0] = {all.x, all.y};
    v[1] = {all.z, all.w};
  }
  template <int D> static DEV void load_keys(u32 (&b)[4], const i8 *page, int lane) {
    u32 r[2];
    load_matrix_x2(r, page + line_place<D>(lane & 15));
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const u32 flipped = r[i] ^ 0x80808080u;
      b[2 * i] = bytes_as_bf16<0, 1>(flipped);
      b[2 * i + 1] = bytes_as_bf16<2, 3>(flipped);
    }
  }
  template <int D> static DEV void load_values(u32 (&b)[4], const i8 *page, int lane) {
    u32 r[2];
    load_matrix_x2_transposed(r, page + line_place<D>(lane & 15));
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const u32 flipped = r[i] ^ 0x80808080u;
      b[i] = bytes_as_bf16<0, 2>(flipped);
      b[2 + i] = bytes_as_bf16<1, 3>(flipped);
    }
  }
  // Rows of a quarter of a warp are in different banks.
  static constexpr int sum_stride(int dim) { return dim % 32 == 0 ? dim + 16 : dim; }
  static DEV void write_sums(float *to, int lane, float2 first, float2 second) {
    store_float4(to + lane % 4 * 4, {first.x, second.x, first.y, second.y});
  }
};

template <class P, int D> DEV void attention_decode(const typename P::stored *keys, const typename P::stored *values, const PieceArguments &a) {
  typedef typename P::stored S;
  constexpr bool has_scales = sizeof(S) == 1;
  constexpr int warps = DECODE_WARPS(D), chunks = D / P::per16, part = PAGE * (D + P::per16);
  constexpr int stage_bytes = 2 * part * sizeof(S) + (has_scales ? 2 * PAGE * sizeof(float) : 0), sum_stride = P::sum_stride(D);
  static_assert(ROWS * sum_stride * sizeof(float) <= STAGES * stage_bytes, "sums are joined in the memory of the pages");
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, splits = gridDim.z;
  const PieceRows rows(a, blockIdx.x % a.kv_heads, blockIdx.y, blockIdx.x / a.kv_heads, ROWS);
  if (rows.count <= 0) return;
  const int first_page = rows.first / PAGE, pages = (rows.end + PAGE - 1) / PAGE - first_page, per = (pages + splits - 1) / splits;
  const int page_begin = first_page + min((int)blockIdx.z * per, pages), page_end = first_page + min(((int)blockIdx.z + 1) * per, pages);

  SHARED(uint4, queries, D * 2);                 // [16 features][lane]: a of products
  SHARED(float2, ends, ROWS * DECODE_WARPS(D));  // [warp][row]: the largest score and the total of the weights
  DYNAMIC_SHARED(u8, memory);                    // stages of each warp: keys, values, scales of keys and of values
  u8 *own_memory = memory + warp * STAGES * stage_bytes;

#pragma unroll 1
  for (int d = warp; d < D / 16; d += warps) {
    u32 q[4];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const int r = min(lane / 4 + h * 8, rows.count - 1);
      float2 v[2];
      P::load_query(v, a.q + rows.place_of(r) * D + d * 16, lane);
      q[h] = pack_bf16(v[0].x, v[0].y);
      q[2 + h] = pack_bf16(v[1].x, v[1].y);
    }
    queries[d * 32 + lane] = {q[0], q[1], q[2], q[3]};
  }
  const int own_place = P::template line_place<D>(lane / chunks) + lane % chunks * P::per16;
  auto page_at = [&](int page) INLINE { return page < page_end ? rows.table[page] : 0; };
  auto fetch = [&](u8 *stage, int page, int id, bool is_value) INLINE {
    if (page < page_end) {
      const i64 of_page = (i64)id * a.kv_heads + rows.kv_head;
      const S *from = (is_value ? values : keys) + of_page * PAGE * D;
      S *to = reinterpret_cast<S *>(stage) + (is_value ? part : 0);
#pragma unroll
      for (int k = 0; k < (PAGE * chunks + 31) / 32; k++) {
        const int i = k * 32 + lane;
        if (PAGE * chunks % 32 != 0 && i >= PAGE * chunks) continue;
        const LineChunk copied = line_chunk<chunks, PAGE>(i);
        // Where 32 chunks are whole lines, the lane's lines are so many apart.
        const int line = 32 % chunks == 0 ? lane / chunks + k * (32 / chunks) : copied.line;
        const int place = 32 % chunks == 0 ? own_place + k * P::template line_place<D>(32 / chunks) : P::template line_place<D>(line) + copied.chunk * P::per16;
        copy_async16(to + place, from + (in_parts<chunks> ? line * chunks + copied.chunk : i) * P::per16, rows.reads(page * PAGE + line));
      }
      if (has_scales && !is_value && lane < 8)
        copy_async16(stage + 2 * part * sizeof(S) + lane * 16, (lane < 4 ? a.key_scales : a.value_scales) + of_page * PAGE + lane % 4 * 4);
    }
    copy_commit();
  };

  SoftmaxRows softmax;
  const int own[2] = {rows.position_of(lane / 4), rows.position_of(lane / 4 + 8)};
  float sums[D / 8][4];
#pragma unroll
  for (int j = 0; j < D / 8; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) sums[j][e] = 0.f;
  const float factor = query_factor(a.scale, a.cap);
  int page = page_begin + ((warp - page_begin) & (warps - 1));
#pragma unroll 1
  for (int i = 0; i < 2 * STAGES; i++) fetch(own_memory + i / 2 * stage_bytes, page + i / 2 * warps, page_at(page + i / 2 * warps), i % 2 != 0);
  int next_id = page_at(page + STAGES * warps);
  sync_block();
#pragma unroll 1
  for (int s = 0; page < page_end; page += warps, s = s + 1 < STAGES ? s + 1 : 0) {
    u8 *stage = own_memory + s * stage_bytes;
    const S *key = reinterpret_cast<const S *>(stage), *value = key + part;
    const float *scales = reinterpret_cast<const float *>(stage + 2 * part * sizeof(S)) + lane % 4 * 2;
    const int next = page + STAGES * warps, id = next_id;
    next_id = page_at(next + warps);
    copy_wait<2 * STAGES - 1>();
    sync_warp();
    float scores[2][4] = {};
#pragma unroll
    for (int d = 0; d < D / 16; d++) {
      const uint4 v = queries[d * 32 + lane];
      const u32 q[4] = {v.x, v.y, v.z, v.w};
      u32 b[4];
      P::template load_keys<D>(b, key + d * 16, lane);
      mma_bf16(scores[0], q, b[0], b[1]);
      mma_bf16(scores[1], q, b[2], b[3]);
    }
    const int position = page * PAGE + lane % 4 * 2;
    float shares[2][2] = {{1.f, 1.f}, {1.f, 1.f}};
#pragma unroll
    for (int i = 0; i < 8; i++) {
      const int j = i / 4, e = i % 4, column = j * 8 + e % 2;
      scores[j][e] *= has_scales ? scales[column] * factor : factor;
      // There may be anything behind the last position.
      if (has_scales && e < 2) shares[j][e] = rows.reads(position + column) ? scales[PAGE + column] : 0.f;
    }
    cap_scores(scores, a.cap);
    mask_scores(scores, position, own, a.window);
    sync_warp();
    fetch(stage, next, id, false);
    float keep[2];
    softmax.weigh(scores, keep);
    u32 weights[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const float *w = &scores[i / 2][i % 2 * 2], *share = shares[i / 2];
      weights[i] = pack_bf16(w[0] * share[0], w[1] * share[1]);
    }
#pragma unroll
    for (int j = 0; j < D / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[j][e] *= keep[e >> 1];
    copy_wait<2 * STAGES - 1>();
    sync_warp();
#pragma unroll
    for (int j = 0; j < D / 16; j++) {
      u32 b[4];
      P::template load_values<D>(b, value + j * 16, lane);
      mma_bf16(sums[2 * j], weights, b[0], b[1]);
      mma_bf16(sums[2 * j + 1], weights, b[2], b[3]);
    }
    sync_warp();
    fetch(stage, next, id, true);
  }
  copy_wait<0>();
  softmax.join_lanes();
  sync_block();
  float *joined = reinterpret_cast<float *>(memory);  // [warp][row][sum_stride]
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const int r = warp * ROWS + lane / 4 + h * 8;
    if (lane % 4 == 0) ends[r] = {softmax.most[h], softmax.total[h]};
#pragma unroll
    for (int j = 0; j < D / 16; j++)
      P::write_sums(joined + r * sum_stride + j * 16, lane, {sums[2 * j][2 * h], sums[2 * j][2 * h + 1]}, {sums[2 * j + 1][2 * h], sums[2 * j + 1][2 * h + 1]});
  }
  sync_block();
#pragma unroll 1
  for (int r = warp; r < rows.count; r += warps) {
    const i64 place = rows.place_of(r);
    const bool is_whole = splits == 1, has_sink = is_whole && a.sinks;
    const float sink = has_sink ? a.sinks[rows.head_of(r)] * LOG2_E : LEAST_SCORE;
    float most = sink, keep[warps];
#pragma unroll
    for (int w = 0; w < warps; w++) most = fmaxf(most, ends[w * ROWS + r].x);
    float total = has_sink ? exp2f(sink - most) : 0.f;
#pragma unroll
    for (int w = 0; w < warps; w++) {
      keep[w] = exp2f(ends[w * ROWS + r].x - most);
      total += ends[w * ROWS + r].y * keep[w];
    }
    const float share = is_whole ? reciprocal(total) : 1.f;
    void *to = is_whole ? a.out : a.partial;
    const i64 first = is_whole ? place * D : (place * splits + blockIdx.z) * (D + 2);
    const int type = is_whole ? a.out_type : 0;
#pragma unroll 1
    for (int i = lane * 2; i < D; i += 64) {
      float2 sum = {0.f, 0.f};
#pragma unroll
      for (int w = 0; w < warps; w++) {
        const float2 v = load_float2(joined + (w * ROWS + r) * sum_stride + i);
        sum.x += v.x * keep[w];
        sum.y += v.y * keep[w];
      }
      store2_as(to, first + i, {sum.x * share, sum.y * share}, type);
    }
    if (!is_whole && lane == 0) store_float2((float *)to + first + D, {most, total});
  }
}
