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
// Brings the rows of an expert together, in tiles of 2^shift rows that all have one expert. chosen (rows): the expert of each
// row; order (tiles, 2^shift): the rows of each tile, in their order, tiles in the order of the experts, -1 where there is no
// row; tile_experts (tiles): the expert of each tile that has rows. Rows: counts[0] · factor; at least
// ⌊(rows + min(experts, rows) · (2^shift - 1)) / 2^shift⌋ tiles. grid (experts), 256 threads, `experts` integers of shared memory.
KERNEL(group_rows, 256)(int *tile_experts, int *order, const int *chosen, const int *counts, int factor, int experts, int shift, int tiles) {
  DYNAMIC_SHARED(int, rows_of);
  SHARED(int, warp_rows, 8);
  const int expert = blockIdx.x, rows = counts[0] * factor, size = 1 << shift;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  for (int i = thread; i < experts; i += 256) rows_of[i] = 0;
  sync_block();
  for (int row = thread; row < rows; row += 256) atomic_add(&rows_of[chosen[row]], 1);
  sync_block();
  // Tiles of the experts before this one, and of all.
  int before = 0, all = 0;
  for (int i = lane; i < experts; i += 32) {
    const int needed = (rows_of[i] + size - 1) >> shift;
    all += needed;
    if (i < expert) before += needed;
  }
#pragma unroll
  for (int distance = 16; distance; distance >>= 1) {
    all += shuffle_xor(all, distance);
    before += shuffle_xor(before, distance);
  }
  // Each warp has a part of the rows, in their order.
  const int per = (rows + 255) / 256 * 32, begin = warp * per, end = min(begin + per, rows);
  int count = 0;
  for (int first = begin; first < end; first += 32) {
    const int row = first + lane;
    count += __builtin_popcount(ballot(row < end && chosen[row] == expert));
  }
  if (lane == 0) warp_rows[warp] = count;
  sync_block();
  int place = before << shift;
  for (int i = 0; i < warp; i++) place += warp_rows[i];
  for (int first = begin; first < end; first += 32) {
    const int row = first + lane;
    const u32 found = ballot(row < end && chosen[row] == expert);
    if (found >> lane & 1) order[place + __builtin_popcount(found & ((1u << lane) - 1))] = row;
    place += __builtin_popcount(found);
  }
  const int own = rows_of[expert], used = (own + size - 1) >> shift;
  for (int i = own + thread; i < used << shift; i += 256) order[(before << shift) + i] = -1;
  for (int i = thread; i < used; i += 256) tile_experts[before + i] = expert;
  for (int i = (all << shift) + expert * 256 + thread; i < tiles << shift; i += experts * 256) order[i] = -1;
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
