#include "functions.cuh"
#include "stored.cuh"
// Rotates queries and keys by position, and appends keys and values to pages.
// q (tokens, heads, head_dim) → rotated; k, v (tokens, kv_heads, head_dim) → pages [page][kv_head][page_tokens][head_dim].
// cos, sin (rows, rotary_dim / 2); rope_rows: the row of each token. is_interleaved: neighbours rotate together, else
// halves of the first rotary_dim features. Queries are multiplied with 1 + beta · ln(1 + ⌊position / original⌋).
// Pages of 8 bits have a scale for each head of each position, [page][kv_head][page_tokens]: its largest number is 127.
// grid (tokens, heads + 2 · kv_heads), threads a multiple of 32. counts[0]: tokens.
struct Rotation {
  const float *cos, *sin;
  int dim, is_interleaved;
  // Feature i of a head whose features are `from`, at a row of the tables.
  DEV float at(const float *from, i64 row, int i) const {
    const float x = from[i];
    if (i >= dim) return x;
    const int half = dim / 2, pair = is_interleaved ? i / 2 : i % half;
    const bool is_first = is_interleaved ? (i & 1) == 0 : i < half;
    const float other = from[is_interleaved ? i ^ 1 : is_first ? i + half : i - half];
    const i64 place = row * half + pair;
    return is_first ? x * cos[place] - other * sin[place] : x * cos[place] + other * sin[place];
  }
};
DEV float block_max(float x, float *partial) {
  x = warp_max(x);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
  sync_block();
  for (u32 warp = 0; warp < blockDim.x / 32; warp++) x = fmaxf(x, partial[warp]);
  return x;
}
template <class T>
static DEV void rotate_append(float *rotated, T *keys, T *values, float *key_scales, float *value_scales, const float *q,
                              const float *k, const float *v, const Rotation &rotation, const int *rope_rows, const int *positions,
                              const int *sequences, const int *tables, const int *counts, int table_stride, int page_tokens,
                              int heads, int kv_heads, int head_dim, float beta, int original) {
  SHARED(float, partial, 8);
  const int token = blockIdx.x, head = blockIdx.y;
  if (token >= counts[0]) return;
  const int position = positions[token];
  const i64 row = rope_rows[token];
  if (head < heads) {
    const i64 at = ((i64)token * heads + head) * head_dim;
    const float factor = original > 0 ? 1.f + beta * logf(1.f + (float)(position / original)) : 1.f;
    for (int i = threadIdx.x; i < head_dim; i += blockDim.x) rotated[at + i] = rotation.at(q + at, row, i) * factor;
    return;
  }
  const bool is_value = head >= heads + kv_heads;
  const int kv_head = (head - heads) % kv_heads;
  const float *from = (is_value ? v : k) + ((i64)token * kv_heads + kv_head) * head_dim;
  const i64 page = tables[(i64)sequences[token] * table_stride + position / page_tokens];
  const i64 place = (page * kv_heads + kv_head) * page_tokens + position % page_tokens;
  T *to = (is_value ? values : keys) + place * head_dim;
  float scale = 1.f;
  if (sizeof(T) == 1) {
    float most = 0.f;
    for (int i = threadIdx.x; i < head_dim; i += blockDim.x) most = fmaxf(most, fabsf(is_value ? from[i] : rotation.at(from, row, i)));
    most = block_max(most, partial);
    scale = most > 0.f ? 127.f / most : 0.f;
    if (threadIdx.x == 0) (is_value ? value_scales : key_scales)[place] = most / 127.f;
  }
  for (int i = threadIdx.x; i < head_dim; i += blockDim.x) store(to + i, (is_value ? from[i] : rotation.at(from, row, i)) * scale);
}
#define PLACES const int *rope_rows, const int *positions, const int *sequences, const int *tables, const int *counts, int table_stride, int page_tokens
#define HEADS int heads, int kv_heads, int head_dim, int rotary_dim, int is_interleaved, float beta, int original
KERNEL(rotate_append_f32, 256)(float *rotated, float *keys, float *values, const float *q, const float *k, const float *v, const float *cos, const float *sin, PLACES, HEADS) {
  rotate_append<float>(rotated, keys, values, nullptr, nullptr, q, k, v, Rotation{cos, sin, rotary_dim, is_interleaved}, rope_rows, positions,
                       sequences, tables, counts, table_stride, page_tokens, heads, kv_heads, head_dim, beta, original);
}
KERNEL(rotate_append_bf16, 256)(float *rotated, BF16 *keys, BF16 *values, const float *q, const float *k, const float *v, const float *cos, const float *sin, PLACES, HEADS) {
  rotate_append<BF16>(rotated, keys, values, nullptr, nullptr, q, k, v, Rotation{cos, sin, rotary_dim, is_interleaved}, rope_rows, positions,
                      sequences, tables, counts, table_stride, page_tokens, heads, kv_heads, head_dim, beta, original);
}
KERNEL(rotate_append_i8, 256)(float *rotated, i8 *keys, i8 *values, float *key_scales, float *value_scales, const float *q, const float *k, const float *v, const float *cos, const float *sin, PLACES, HEADS) {
  rotate_append<i8>(rotated, keys, values, key_scales, value_scales, q, k, v, Rotation{cos, sin, rotary_dim, is_interleaved}, rope_rows, positions,
                    sequences, tables, counts, table_stride, page_tokens, heads, kv_heads, head_dim, beta, original);
}
