// token_ids[token] = sampled[sources[token]]: the tokens of a pass that the pass before it sampled, which the host need not
// know yet. Tokens whose source is −1 stay as they are; one that could not be sampled, which is −1, is fed as 0.
//
// token_ids, sources (tokens); sampled: a token of each row. counts[0]: tokens. Any number of threads; grid (⌈tokens / threads⌉).
#include "device.cuh"

KERNEL(feed_tokens, 256)(int *token_ids, const int *sources, const int *sampled, const int *counts) {
  const int token = blockIdx.x * blockDim.x + threadIdx.x;
  if (token >= counts[0] || sources[token] < 0) return;
  token_ids[token] = max(sampled[sources[token]], 0);
}
