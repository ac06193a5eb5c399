// What log-probabilities are made of, of rows that want them: a sum of exponentials and the likeliest tokens, before the row is
// edited, and the rank of the token that was taken of it.
//
// ranked (rows, 46) integers: the sum of e^(logit − largest), float64; the bits of the largest logit, and of that of the token;
// how many logits are not below the token's; one unused; 20 ids, the largest logit first, of equal ones the lower id, and the
// bits of their logits. logits (rows, vocab) float32, all of them. top_counts (rows): how many ids are wanted, −1 for nothing.
// Rows: counts[0] · factor. Of rows with NaN or infinite logits nothing is written, nor of ids that are not wanted.
//
// 512 threads; grid (rows). Sums are float64, in the order of threads.
#include "best-logit.cuh"
#include "float64.cuh"
#include "warp64.cuh"

#define THREADS 512
#define WARPS 16
#define ROW_INTS 46
#define MOST_IDS 20
enum { LARGEST = 2, LOGIT = 3, RANK = 4, IDS = 6, LOGITS = 26 };

// In the order of tokens: the larger first.
DEV u64 key_of(float logit, int id) { return (u64)order_of(logit) << 32 | ~(u32)id; }
DEV int id_of(u64 key) { return (int)~(u32)key; }

// raw (rows, vocab): a copy of the rows, where it is given.
KERNEL(likeliest_tokens, THREADS)(int *ranked, float *raw, const float *logits, const int *top_counts, const int *counts, int factor, int vocab) {
  const int at = blockIdx.x;
  if (at >= counts[0] * factor || top_counts[at] < 0) return;
  const float *row = logits + (i64)at * vocab;
  int *out = ranked + (i64)at * ROW_INTS;
  const BestLogit best = find_best(row, vocab, vocab);
  if (!best.is_finite()) return;
  const double largest = float_to_float64(row[best.id]);
  double sum = 0.0;
  u64 mine = 0;
#pragma unroll 1
  for (int id = threadIdx.x; id < vocab; id += THREADS) {
    const float logit = row[id];
    if (raw) raw[(i64)at * vocab + id] = logit;
    sum += exponential_of_negative(float_to_float64(logit) - largest);
    mine = max_u64(mine, key_of(logit, id));
  }
  SHARED(double, sums, THREADS);
  sums[threadIdx.x] = sum;
#pragma unroll 1
  for (int distance = THREADS / 2; distance > 0; distance /= 2) {
    sync_block();
    if ((int)threadIdx.x < distance) sums[threadIdx.x] += sums[threadIdx.x + distance];
  }
  if (threadIdx.x == 0) {
    *(double *)out = sums[0];
    out[LARGEST] = (int)float_bits(row[best.id]);
  }
  SHARED(u64, maxima, WARPS);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int count = min(top_counts[at], min(MOST_IDS, vocab));
#pragma unroll 1
  for (int i = 0; i < count; i++) {
    const u64 own = warp_max64(mine);
    if (lane == 0) maxima[warp] = own;
    sync_block();
    u64 next = 0;
#pragma unroll 1
    for (int other = 0; other < WARPS; other++) next = max_u64(next, maxima[other]);
    sync_block();
    const int id = id_of(next), owner = id % THREADS;
    if (threadIdx.x == 0) {
      out[IDS + i] = id;
      out[LOGITS + i] = (int)float_bits(row[id]);
    }
    if (warp != owner / 32) continue;
    // The next one of the thread that had it, found by its warp.
    u64 below = 0;
#pragma unroll 1
    for (int other = owner + THREADS * lane; other < vocab; other += THREADS * 32) {
      const u64 key = key_of(row[other], other);
      if (key < next) below = max_u64(below, key);
    }
    below = warp_max64(below);
    if ((int)threadIdx.x == owner) mine = below;
  }
}

// logits: rows as they were before edits. tokens (rows): −1 where none was taken.
KERNEL(token_ranks, THREADS)(int *ranked, const float *logits, const int *tokens, const int *top_counts, const int *counts, int factor, int vocab) {
  const int at = blockIdx.x;
  if (at >= counts[0] * factor || top_counts[at] < 0 || tokens[at] < 0) return;
  const float *row = logits + (i64)at * vocab;
  const float logit = row[tokens[at]];
  const u32 order = order_of(logit);
  SHARED(int, rank, 1);
  if (threadIdx.x == 0) rank[0] = 0;
  sync_block();
  int mine = 0;
#pragma unroll 1
  for (int id = threadIdx.x; id < vocab; id += THREADS) mine += order_of(row[id]) >= order ? 1 : 0;
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) mine += shuffle_xor(mine, distance);
  if (threadIdx.x % 32 == 0) atomic_add(&rank[0], mine);
  sync_block();
  if (threadIdx.x != 0) return;
  int *out = ranked + (i64)at * ROW_INTS;
  out[LOGIT] = (int)float_bits(logit);
  out[RANK] = rank[0];
}
