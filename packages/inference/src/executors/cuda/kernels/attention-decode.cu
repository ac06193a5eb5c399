// Attention of pieces of few tokens, in float32 and for any head_dim. One block computes up to 8 rows on a part of the
// context, and reads each key and value once for them.
//
// Arguments as in attention-pieces.cuh; head_dim a multiple of 8, of 16 with pages of 8 bits, 512 at most.
//
// 128 threads; grid (kv_heads · ⌈longest piece · heads / kv_heads / 8⌉, pieces, splits); dynamic shared memory: 32 · head_dim +
// 2 · tile · stages · (head_dim · bytes of a number + 16) bytes. With splits > 1, out is not written but partial (tokens,
// heads, splits, head_dim + 2): sums, then the maximum and the total of the weights, for `attention_join`.
#include "attention-pieces.cuh"

#define ROWS 8

// Eight neighbours; with vectors to the compiler, more registers would be taken than there are.
DEV void load_float8(float (&out)[8], const float *p) {
  const float4 a = *reinterpret_cast<const float4 *>(p), b = *reinterpret_cast<const float4 *>(p + 4);
  out[0] = a.x; out[1] = a.y; out[2] = a.z; out[3] = a.w;
  out[4] = b.x; out[5] = b.y; out[6] = b.z; out[7] = b.w;
}
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
  static DEV void read8(float (&out)[8], const stored *p) { load_float8(out, p); }
  static DEV float2 read2(const stored *p) { return *reinterpret_cast<const float2 *>(p); }
};
struct I8Pages {
  typedef i8 stored;
  static constexpr int per16 = 16, tile = 32, stages = 2;
  static constexpr bool has_scales = true;
  static DEV void read8(float (&out)[8], const stored *p) {
    const uint2 v = load8(p);
    const u32 w[2] = {v.x ^ 0x80808080u, v.y ^ 0x80808080u};
#pragma unroll
    for (int i = 0; i < 8; i++) out[i] = byte_as_float(w[i / 4], i % 4);
  }
  static DEV float2 read2(const stored *p) {
    const u32 v = *reinterpret_cast<const u16 *>(p) ^ 0x8080u;
    return {byte_as_float(v, 0), byte_as_float(v, 1)};
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

template <class T> DEV void attention_decode(const typename T::stored *keys, const typename T::stored *values, const PieceArguments &a) {
  typedef typename T::stored S;
  // Each thread sums two pairs of features.
  constexpr int tile = T::tile, rows_each = ROWS * tile / 128, pairs_each = 2;
  static_assert(rows_each == 1 || rows_each == 2, "a thread writes the weights of its rows at once");
  const int dim = a.head_dim, thread = threadIdx.x, splits = gridDim.z;
  const PieceRows rows(a, blockIdx.x % a.kv_heads, blockIdx.y, blockIdx.x / a.kv_heads, ROWS);
  if (rows.count <= 0) return;
  const int first_tile = rows.first / tile, tiles = (rows.end + tile - 1) / tile - first_tile, per = (tiles + splits - 1) / splits;
  const int tile_begin = first_tile + min((int)blockIdx.z * per, tiles), tile_end = first_tile + min(((int)blockIdx.z + 1) * per, tiles);

  // [position][row]; positions are so far apart that few of them are in the same banks.
  constexpr int weight_stride = ROWS + 4;
  SHARED(float4, weights4, T::tile * weight_stride / 4);
  float *weights = reinterpret_cast<float *>(weights4);
  SHARED(float, kept, ROWS);
  SHARED(float2, ends, ROWS);
  DYNAMIC_SHARED(u8, memory);  // queries [ROWS][dim], then stages of keys and values, rows 16 bytes longer than they are
  float *queries = reinterpret_cast<float *>(memory);
  const int per16 = T::per16, stride = dim + per16, tile_numbers = tile * stride, row_chunks = dim / per16;
  S *tiles_at = reinterpret_cast<S *>(memory + ROWS * dim * sizeof(float));

  const float factor = query_factor(a.scale, a.cap);
#pragma unroll 1
  for (int i = thread; i < ROWS * dim; i += 128) queries[i] = a.q[rows.place_of(min(i / dim, rows.count - 1)) * dim + i % dim] * factor;
  auto fetch = [&](int at) {
    S *to = tiles_at + at % T::stages * 2 * tile_numbers;
#pragma unroll 1
    for (int i = thread; i < 2 * tile * row_chunks; i += 128) {
      const int chunk = i % row_chunks, line = i / row_chunks % tile, position = at * tile + line;
      const bool is_value = i >= tile * row_chunks, is_inside = rows.reads(position);
      const i64 page = is_inside ? rows.table[position / PAGE] : 0;
      const S *from = (is_value ? values : keys) + ((page * a.kv_heads + rows.kv_head) * PAGE + position % PAGE) * dim + chunk * per16;
      copy_async16(to + (is_value ? tile_numbers : 0) + line * stride + chunk * per16, is_inside ? from : keys, is_inside);
    }
  };
  float most[rows_each], total[rows_each], sums[ROWS][2 * pairs_each] = {};
#pragma unroll
  for (int i = 0; i < rows_each; i++) { most[i] = LEAST_SCORE; total[i] = 0.f; }
  const int line = thread % tile, first_row = thread / tile * rows_each, pairs = dim / 2;
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
#pragma unroll 1
    for (int d = 0; d < dim; d += 8) {
      float k[8];
      T::read8(k, key + line * stride + d);
#pragma unroll
      for (int i = 0; i < rows_each; i++) {
        float v[8];
        load_float8(v, queries + (first_row + i) * dim + d);
#pragma unroll
        for (int j = 0; j < 8; j++) products[i] += k[j] * v[j];
      }
    }
    float key_scale = 1.f, value_scale = 1.f, own_weights[rows_each];
    if (T::has_scales && rows.reads(position)) {
      const i64 scale_at = ((i64)rows.table[position / PAGE] * a.kv_heads + rows.kv_head) * PAGE + position % PAGE;
      key_scale = a.key_scales[scale_at];
      value_scale = a.value_scales[scale_at];
    }
#pragma unroll
    for (int i = 0; i < rows_each; i++) {
      const int row = first_row + i;
      const bool counts = row < rows.count && attends(rows.position_of(row), position, a.window);
      const float score = counts ? score_of(products[i] * key_scale, a.cap) : LEAST_SCORE;
      const float above = fmaxf(most[i], lanes_max<tile>(score)), keep = exp2f(most[i] - above);
      const float weight = counts ? exp2f(score - above) : 0.f;
      total[i] = total[i] * keep + lanes_sum<tile>(weight);
      most[i] = above;
      own_weights[i] = weight * value_scale;
      if (line == 0) kept[row] = keep;
    }
    if constexpr (rows_each == 2) store_float2(weights + line * weight_stride + first_row, {own_weights[0], own_weights[1]});
    else weights[line * weight_stride + first_row] = own_weights[0];
    sync_block();
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const float keep = kept[r];
#pragma unroll
      for (int e = 0; e < 2 * pairs_each; e++) sums[r][e] *= keep;
    }
#pragma unroll 1
    for (int t = 0; t < tile; t++) {
      float w[ROWS];
      load_float8(w, weights + t * weight_stride);
#pragma unroll
      for (int e = 0; e < pairs_each; e++) {
        const int pair = thread + e * 128;
        if (pair >= pairs) continue;
        const float2 v = T::read2(value + t * stride + 2 * pair);
#pragma unroll
        for (int r = 0; r < ROWS; r++) { sums[r][2 * e] += w[r] * v.x; sums[r][2 * e + 1] += w[r] * v.y; }
      }
    }
    sync_block();
  }
#pragma unroll
  for (int i = 0; i < rows_each; i++) if (line == 0) ends[first_row + i] = {most[i], total[i]};
  copy_wait<0>();
  sync_block();
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    if (r >= rows.count) continue;
    const i64 place = rows.place_of(r);
    const float2 end_of = ends[r];
    const bool is_whole = splits == 1;
    float share = 1.f;
    if (is_whole) {
      const float sink = a.sinks ? a.sinks[rows.head_of(r)] * LOG2_E : LEAST_SCORE, above = fmaxf(end_of.x, sink), keep = exp2f(end_of.x - above);
      share = keep / (end_of.y * keep + (a.sinks ? exp2f(sink - above) : 0.f));
    }
    void *to = is_whole ? a.out : a.partial;
    const i64 first = is_whole ? place * dim : (place * splits + blockIdx.z) * (dim + 2);
    const int type = is_whole ? a.out_type : 0;
#pragma unroll
    for (int e = 0; e < pairs_each; e++) {
      const int pair = thread + e * 128;
      if (pair < pairs) store2_as(to, first + 2 * pair, {sums[r][2 * e] * share, sums[r][2 * e + 1] * share}, type);
    }
    if (!is_whole && thread == 0) store_float2((float *)to + first + dim, end_of);
  }
}

ATTENTION(attention_decode_f32, 128, float, (attention_decode<F32Pages>))
ATTENTION(attention_decode_bf16, 128, u16, (attention_decode<Bf16Pages>))
ATTENTION(attention_decode_i8, 128, i8, (attention_decode<I8Pages>))
