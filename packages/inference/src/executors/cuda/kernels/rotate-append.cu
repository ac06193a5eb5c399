#include "functions.cuh"
#include "stored.cuh"
// Rotates queries and keys by position, and appends keys and values to pages.
// q (tokens, heads, head_dim) → rotated; k, v (tokens, kv_heads, head_dim) → pages [page][kv_head][page_tokens][head_dim].
// cos, sin (rows, rotary_dim / 2); rope_rows: the row of each token. is_interleaved: neighbours rotate together, else
// halves of the first rotary_dim features. Queries are multiplied with 1 + beta · ln(1 + ⌊position / original⌋).
// grid (tokens, heads + 2 · kv_heads), any number of threads. counts[0]: tokens.
template <class T>
DEV void rotate_append(float *rotated, T *keys, T *values, const float *q, const float *k, const float *v, const float *cos,
                       const float *sin, const int *rope_rows, const int *positions, const int *sequences, const int *tables,
                       const int *counts, int table_stride, int page_tokens, int heads, int kv_heads, int head_dim,
                       int rotary_dim, int is_interleaved, float beta, int original) {
  const int token = blockIdx.x, head = blockIdx.y, half = rotary_dim / 2;
  if (token >= counts[0]) return;
  const int position = positions[token];
  const bool is_query = head < heads, is_value = head >= heads + kv_heads;
  const int kv_head = (head - heads) % kv_heads;
  const float *from = is_query ? q + ((i64)token * heads + head) * head_dim : (is_value ? v : k) + ((i64)token * kv_heads + kv_head) * head_dim;
  T *page = nullptr;
  if (!is_query) {
    const i64 id = tables[(i64)sequences[token] * table_stride + position / page_tokens];
    page = (is_value ? values : keys) + ((id * kv_heads + kv_head) * page_tokens + position % page_tokens) * head_dim;
  }
  const float factor = is_query && original > 0 ? 1.f + beta * logf(1.f + (float)(position / original)) : 1.f;
  for (int i = threadIdx.x; i < head_dim; i += blockDim.x) {
    float x = from[i];
    if (i < rotary_dim && !is_value) {
      const int pair = is_interleaved ? i / 2 : i % half;
      const bool is_first = is_interleaved ? (i & 1) == 0 : i < half;
      const float other = from[is_interleaved ? i ^ 1 : is_first ? i + half : i - half];
      const i64 at = (i64)rope_rows[token] * half + pair;
      x = is_first ? x * cos[at] - other * sin[at] : x * cos[at] + other * sin[at];
    }
    if (is_query) rotated[((i64)token * heads + head) * head_dim + i] = x * factor;
    else store(page + i, x);
  }
}
KERNEL(rotate_append_f32, 256)(float *rotated, float *keys, float *values, const float *q, const float *k, const float *v,
                               const float *cos, const float *sin, const int *rope_rows, const int *positions,
                               const int *sequences, const int *tables, const int *counts, int table_stride, int page_tokens,
                               int heads, int kv_heads, int head_dim, int rotary_dim, int is_interleaved, float beta, int original) {
  rotate_append(rotated, keys, values, q, k, v, cos, sin, rope_rows, positions, sequences, tables, counts, table_stride,
                page_tokens, heads, kv_heads, head_dim, rotary_dim, is_interleaved, beta, original);
}
KERNEL(rotate_append_bf16, 256)(float *rotated, BF16 *keys, BF16 *values, const float *q, const float *k, const float *v,
                                const float *cos, const float *sin, const int *rope_rows, const int *positions,
                                const int *sequences, const int *tables, const int *counts, int table_stride, int page_tokens,
                                int heads, int kv_heads, int head_dim, int rotary_dim, int is_interleaved, float beta, int original) {
  rotate_append(rotated, keys, values, q, k, v, cos, sin, rope_rows, positions, sequences, tables, counts, table_stride,
                page_tokens, heads, kv_heads, head_dim, rotary_dim, is_interleaved, beta, original);
}
