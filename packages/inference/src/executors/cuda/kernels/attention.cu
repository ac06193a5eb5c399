#include "functions.cuh"
#include "stored.cuh"
#include "store-as.cuh"
// Causal attention over pages, for chunks of any length: the way that always works. A warp computes one head of one token,
// 32 positions at a time: each lane the score of one of them, then each some of the features.
// q (tokens, heads, head_dim) float32, out alike, of out_type as in store-as.cuh; pages [page][kv_head][page_tokens][head_dim]. window: how many positions a token
// attends to, itself included, or 0 for all; cap: limits scores by cap · tanh(score / cap), or 0; sinks (heads), or null: a
// score of each head that takes its share and adds nothing. head_dim at most 512.
// Pages of 8 bits have scales [page][kv_head][page_tokens]. grid (tokens, heads), 32 threads. counts[0]: tokens.
// Four neighbours, from a multiple of their size on.
DEV float4 read4(const float *p) { return load_float4(p); }
DEV float4 read4(const BF16 *p) { const uint2 v = load8(p); return {bf16_low(v.x), bf16_high(v.x), bf16_low(v.y), bf16_high(v.y)}; }
DEV float4 read4(const i8 *p) {
  const u32 v = *reinterpret_cast<const u32 *>(p);
  return {(float)(i8)v, (float)(i8)(v >> 8), (float)(i8)(v >> 16), (float)(i8)(v >> 24)};
}
template <class T>
static DEV void attention(void *out, const float *q, const T *keys, const T *values, const float *key_scales, const float *value_scales, const float *sinks, const int *positions,
                   const int *sequences, const int *tables, const int *counts, int table_stride, int page_tokens, int kv_heads,
                   int head_dim, int window, float scale, float cap, int out_type) {
  SHARED(float4, query4, 128);
  float *query = reinterpret_cast<float *>(query4);
  SHARED(float, sums, 512);
  SHARED(float, weights, 32);
  const int token = blockIdx.x, head = blockIdx.y, heads = gridDim.y, lane = threadIdx.x;
  if (token >= counts[0]) return;
  const int position = positions[token], kv_head = head / (heads / kv_heads);
  const int *table = tables + (i64)sequences[token] * table_stride;
  const i64 at = ((i64)token * heads + head) * head_dim;
  for (int i = lane; i < head_dim; i += 32) {
    query[i] = q[at + i] * scale;
    sums[i] = 0.f;
  }
  sync_warp();
  float most = sinks ? sinks[head] : LEAST_SCORE, total = sinks ? 1.f : 0.f;
  const int first = window > 0 && position >= window ? position - window + 1 : 0;
  for (int base = first; base <= position; base += 32) {
    const int mine = base + lane, count = min(32, position - base + 1);
    float score = LEAST_SCORE;
    if (mine <= position) {
      const i64 place = ((i64)table[mine / page_tokens] * kv_heads + kv_head) * page_tokens + mine % page_tokens;
      const T *key = keys + place * head_dim;
      score = 0.f;
      // Lanes read keys of their own: of each sector of memory as much as they can at once.
      const int by_four = head_dim % 4 == 0 ? head_dim : 0;
#pragma unroll 2
      for (int i = 0; i < by_four; i += 4) {
        const float4 q = load_float4(query + i), k = read4(key + i);
        score += q.x * k.x + q.y * k.y + q.z * k.z + q.w * k.w;
      }
#pragma unroll 1
      for (int i = by_four; i < head_dim; i++) score += query[i] * to_float(key[i]);
      if (sizeof(T) == 1) score *= key_scales[place];
      if (cap > 0.f) score = soft_cap(score, cap);
    }
    const float above = fmaxf(most, warp_max(score)), kept = expf(most - above);
    const float weight = mine <= position ? expf(score - above) : 0.f;
    float share = weight;
    if (sizeof(T) == 1 && mine <= position)
      share *= value_scales[((i64)table[mine / page_tokens] * kv_heads + kv_head) * page_tokens + mine % page_tokens];
    weights[lane] = share;
    total = total * kept + warp_sum(weight);
    most = above;
    sync_warp();
    for (int i = lane; i < head_dim; i += 32) {
      float sum = sums[i] * kept;
      for (int j = 0; j < count; j++) {
        const int past = base + j;
        const T *value = values + (((i64)table[past / page_tokens] * kv_heads + kv_head) * page_tokens + past % page_tokens) * head_dim;
        sum += weights[j] * to_float(value[i]);
      }
      sums[i] = sum;
    }
    sync_warp();
  }
  for (int i = lane; i < head_dim; i += 32) store_as(out, at + i, sums[i] / total, out_type);
}
#define PLACES const float *sinks, const int *positions, const int *sequences, const int *tables, const int *counts, int table_stride, int page_tokens
#define HEADS int kv_heads, int head_dim, int window, float scale, float cap, int out_type
KERNEL(attention_f32, 32)(void *out, const float *q, const float *keys, const float *values, PLACES, HEADS) {
  attention<float>(out, q, keys, values, nullptr, nullptr, sinks, positions, sequences, tables, counts, table_stride, page_tokens, kv_heads, head_dim, window, scale, cap, out_type);
}
KERNEL(attention_bf16, 32)(void *out, const float *q, const BF16 *keys, const BF16 *values, PLACES, HEADS) {
  attention<BF16>(out, q, keys, values, nullptr, nullptr, sinks, positions, sequences, tables, counts, table_stride, page_tokens, kv_heads, head_dim, window, scale, cap, out_type);
}
KERNEL(attention_i8, 32)(void *out, const float *q, const i8 *keys, const i8 *values, const float *key_scales, const float *value_scales, PLACES, HEADS) {
  attention<i8>(out, q, keys, values, key_scales, value_scales, sinks, positions, sequences, tables, counts, table_stride, page_tokens, kv_heads, head_dim, window, scale, cap, out_type);
}
