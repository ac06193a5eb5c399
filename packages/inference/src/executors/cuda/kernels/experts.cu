#include "functions.cuh"
// Sends tokens to experts. A pair of a token and one of its experts is token · per_token + rank.

// The `per_token` experts of each token with the largest logits, the first of equal ones, and their weights: the softmax
// of those logits, or of all of them. logits (tokens, experts); experts, weights (tokens, per_token). grid (tokens), 32
// threads, `experts` floats of shared memory. counts[0]: tokens.
KERNEL(route_tokens, 32)(int *chosen, float *weights, const float *logits, const int *counts, int experts, int per_token, int is_normalized) {
  DYNAMIC_SHARED(float, scores);
  const int token = blockIdx.x, lane = threadIdx.x;
  if (token >= counts[0]) return;
  float most = LEAST_SCORE;
  for (int i = lane; i < experts; i += 32) {
    scores[i] = logits[(i64)token * experts + i];
    most = fmaxf(most, scores[i]);
  }
  most = warp_max(most);
  float all = 0.f, sum = 0.f;
  for (int i = lane; i < experts; i += 32) all += expf(scores[i] - most);
  all = warp_sum(all);
  for (int rank = 0; rank < per_token; rank++) {
    sync_warp();
    float best = LEAST_SCORE;
    int which = experts;
    for (int i = lane; i < experts; i += 32)
      if (scores[i] > best) { best = scores[i]; which = i; }
#pragma unroll
    for (int o = 16; o; o >>= 1) {
      const float other = shuffle_xor(best, o);
      const int index = shuffle_xor(which, o);
      if (other > best || (other == best && index < which)) { best = other; which = index; }
    }
    // Logits below the least score, or that are no numbers, leave none.
    if (which == experts) which = 0;
    const float w = expf(best - most);
    sum += w;
    sync_warp();
    if (lane == 0) {
      chosen[token * per_token + rank] = which;
      weights[token * per_token + rank] = w;
      scores[which] = 2.f * LEAST_SCORE;
    }
  }
  sync_warp();
  const float total = is_normalized ? sum : all;
  if (lane == 0)
    for (int rank = 0; rank < per_token; rank++) weights[token * per_token + rank] /= total;
}
// out[token] = Σ weights[pair] · x[pair]: x (pairs, width), out (tokens, width). grid (tokens), any number of threads.
KERNEL(join_experts, 256)(float *out, const float *x, const float *weights, const int *counts, int per_token, int width) {
  const int token = blockIdx.x;
  if (token >= counts[0]) return;
  for (int i = threadIdx.x; i < width; i += blockDim.x) {
    float sum = 0.f;
    for (int rank = 0; rank < per_token; rank++) {
      const i64 pair = (i64)token * per_token + rank;
      sum += weights[pair] * x[pair * width + i];
    }
    out[(i64)token * width + i] = sum;
  }
}
