// Norms of the heads of queries and keys, their rotation by position, and keys and values to the pages: all in one pass.
//
// q (tokens, heads, head_dim), k, v (tokens, kv_heads, head_dim), rotated like q: float32. q_norm, k_norm: weights of a root
// mean square norm of each head, head_dim of them, those of the next head norm_stride further (0: shared); null: no norm. cos,
// sin (rows, rotary_dim / 2), rope_rows (tokens): the row of each token; the first rotary_dim features rotate, in neighbours
// where is_interleaved, else in halves; rotary_dim may be 0. Queries are multiplied with 1 + beta · ln(1 + ⌊position /
// original⌋) where original > 0. Pages [page][kv_head][16][head_dim]; of 8 bits with scales [page][kv_head][16], the largest
// magnitude / 127. tables[sequences[token]][position / 16] are pages. Tokens: counts[0]. head_dim even, 512 at most.
//
// A warp a head. 128 threads; grid (tokens, ⌈(heads + 2 · kv_heads) / 4⌉).
#include "number-types.cuh"
#define PAGE 16
#define MOST 512

struct I8 { typedef i8 stored; };

template <class T>
DEV void norm_rotate_append(float *rotated, typename T::stored *keys, typename T::stored *values, float *key_scales, float *value_scales, const float *q,
                            const float *k, const float *v, const float *q_norm, const float *k_norm, const float *cos, const float *sin, const int *rope_rows,
                            const int *positions, const int *sequences, const int *tables, const int *counts, int table_stride, int heads, int kv_heads,
                            int head_dim, int rotary_dim, int is_interleaved, int norm_stride, float epsilon, float beta, int original) {
  SHARED(float2, rows, 4 * MOST / 2);
  const int token = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32, head = blockIdx.y * 4 + warp;
  if (token >= counts[0] || head >= heads + 2 * kv_heads) return;
  const bool is_query = head < heads, is_value = head >= heads + kv_heads;
  const int kv_head = is_query ? 0 : (head - heads) % kv_heads, own_head = is_query ? head : kv_head, half = rotary_dim / 2;
  const float *from = is_query ? q + ((i64)token * heads + head) * head_dim : (is_value ? v : k) + ((i64)token * kv_heads + kv_head) * head_dim;
  const float *norm = is_value ? nullptr : is_query ? q_norm : k_norm;
  float *row = reinterpret_cast<float *>(rows) + warp * MOST;
  float squares = 0.f;
#pragma unroll 1
  for (int i = lane; i < head_dim; i += 32) {
    row[i] = from[i];
    squares += row[i] * row[i];
  }
  if (norm) {
    const float scale = rsqrtf(warp_sum(squares) / head_dim + epsilon);
#pragma unroll 1
    for (int i = lane; i < head_dim; i += 32) row[i] *= scale * norm[own_head * norm_stride + i];
  }
  sync_warp();
  if (!is_value) {
    const float *c = cos + (i64)rope_rows[token] * half, *s = sin + (i64)rope_rows[token] * half;
    if (is_interleaved) {
#pragma unroll 1
      for (int i = lane; i < half; i += 32) {
        const float2 pair = load_float2(row + 2 * i);
        store_float2(row + 2 * i, {pair.x * c[i] - pair.y * s[i], pair.y * c[i] + pair.x * s[i]});
      }
    } else {
#pragma unroll 1
      for (int i = lane; i < half; i += 32) {
        const float a = row[i], b = row[i + half];
        row[i] = a * c[i] - b * s[i];
        row[i + half] = b * c[i] + a * s[i];
      }
    }
  }
  sync_warp();
  const int position = positions[token];
  if (is_query) {
    const float factor = original > 0 ? 1.f + beta * logf(1.f + (float)(position / original)) : 1.f;
#pragma unroll 1
    for (int i = lane; i < head_dim; i += 32) rotated[((i64)token * heads + head) * head_dim + i] = row[i] * factor;
    return;
  }
  const i64 page = tables[(i64)sequences[token] * table_stride + position / PAGE];
  const i64 place = (page * kv_heads + kv_head) * PAGE + position % PAGE;
  typename T::stored *to = (is_value ? values : keys) + place * head_dim;
  if constexpr (sizeof(typename T::stored) == 1) {
    float most = 0.f;
#pragma unroll 1
    for (int i = lane; i < head_dim; i += 32) most = fmaxf(most, fabsf(row[i]));
    most = warp_max(most);
    const float scale = most / 127.f, inverse = most > 0.f ? 127.f / most : 0.f;
    if (lane == 0) (is_value ? value_scales : key_scales)[place] = scale;
#pragma unroll 1
    for (int i = lane; i < head_dim; i += 32) to[i] = (i8)min(127, max(-127, float_to_int_nearest(row[i] * inverse)));
  } else {
#pragma unroll 1
    for (int i = lane; i < head_dim; i += 32) to[i] = T::narrow(row[i]);
  }
}

#define NORM_ROTATE_APPEND(name, T)                                                                                                                        \
  KERNEL(name, 128)(float *rotated, T::stored *keys, T::stored *values, float *key_scales, float *value_scales, const float *q, const float *k, const float *v,              \
   const float *q_norm, const float *k_norm, const float *cos, const float *sin, const int *rope_rows, const int *positions, const int *sequences,          \
   const int *tables, const int *counts, int table_stride, int heads, int kv_heads, int head_dim, int rotary_dim, int is_interleaved, int norm_stride,      \
   float epsilon, float beta, int original) {                                                                                                              \
    norm_rotate_append<T>(rotated, keys, values, key_scales, value_scales, q, k, v, q_norm, k_norm, cos, sin, rope_rows, positions, sequences, tables,      \
                          counts, table_stride, heads, kv_heads, head_dim, rotary_dim, is_interleaved, norm_stride, epsilon, beta, original);              \
  }
NORM_ROTATE_APPEND(norm_rotate_append_f32, F32)
NORM_ROTATE_APPEND(norm_rotate_append_bf16, Bf16)
NORM_ROTATE_APPEND(norm_rotate_append_f16, F16)
NORM_ROTATE_APPEND(norm_rotate_append_i8, I8)
