// Joins the parts of a context: out[token][head] = sum of 2^(maximum − largest) · sums over splits, over the same of totals.
//
// partial (tokens, heads, splits, head_dim + 2) float32: sums, then the maximum, to base 2, and the total of the weights; out
// (tokens, heads, head_dim) of out_type as in store-as.cuh; sinks (heads) or null, a score that takes its share. Tokens: counts[0]. In the order of
// the splits. Any count of threads up to 256; grid (tokens, heads).
#include "scores.cuh"
#include "store-as.cuh"

KERNEL(attention_join, 256)(void *out, const float *partial, const float *sinks, const int *counts, int head_dim, int splits, int out_type) {
  const int token = blockIdx.x, head = blockIdx.y;
  if (token >= counts[0]) return;
  const i64 at = (i64)token * gridDim.y + head;
  const float *parts = partial + at * splits * (head_dim + 2), sink = sinks ? sinks[head] * LOG2_E : LEAST_SCORE;
  float most = sink;
#pragma unroll 1
  for (int s = 0; s < splits; s++) most = fmaxf(most, parts[s * (head_dim + 2) + head_dim]);
#pragma unroll 1
  for (int i = threadIdx.x; i < head_dim; i += blockDim.x) {
    float total = sinks ? exp2f(sink - most) : 0.f, sum = 0.f;
#pragma unroll 1
    for (int s = 0; s < splits; s++) {
      const float *part = parts + s * (head_dim + 2), weight = exp2f(part[head_dim] - most);
      total += weight * part[head_dim + 1];
      sum += weight * part[i];
    }
    store_as(out, at * head_dim + i, sum / total, out_type);
  }
}
