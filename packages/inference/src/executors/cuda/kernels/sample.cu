// tokens[row] = a token drawn by temperature, min-p, top-k and top-p, as `Sampler.sample` does on the host.
//
// logits (rows, vocab) float32, adjusted and masked (−infinity) where a request wants that; of them the first token_count are
// tokens. parameters (rows, 4) float64: temperature; the exponent below which nothing has a weight, max(ln(min-p), −50);
// top-p; a uniform number of [0, 1). top_ks (rows): 0 is off. status and tokens where logits are NaN or infinite: argmax.cu.
// A temperature of 0 takes the largest. Rows: counts[0] · factor.
//
// weight = e^((logit − largest) / temperature), as a multiple of 2^−44: sums of such are exact, and the same in any order.
// Tokens are ordered by their logits, of equal ones the lower id first; each filter keeps the first of them: those above a
// cut, and those at the cut up to an id. The draw goes through them by id: the first one at which the sum of weights is
// above uniform · total.
//
// 512 threads; grid (rows). Arithmetic of weights is float64: its rate decides where the vocabulary is large.
#include "best-logit.cuh"
#include "float64.cuh"
#include "warp64.cuh"

#define THREADS 512
#define WARPS 16
#define ONE 17592186044416.0  // 2^44

struct Row {
  const float *logits;
  int count;
  // In shared memory: the largest logit, 1 / temperature, the least logit that has a weight.
  const double *scale;
  DEV u64 weight(float logit) const {
    if ((double)logit < scale[2]) return 0;
    return float64_to_u64(multiply(exponential_of_negative(multiply((double)logit - scale[0], scale[1])), ONE));
  }
};

// What filters keep: tokens above a cut, and those at the cut with ids below an end.
struct Kept {
  u32 cut;
  int end;
  DEV bool has(u32 order, int id) const { return order > cut || (order == cut && id < end); }
};

// The order at which the sum of measures, from the largest order on, reaches a target, and the sum of those above it.
struct Cut { u32 order; u64 above; };

// Digit by digit of 8 bits, from the highest: the sums of each digit's measures, then the digit that reaches the target.
template <class M> DEV Cut find_cut(const Row &row, u64 target, const M &measure) {
  SHARED(u64, sums, 256);
  SHARED(u32, chosen, 1);
  SHARED(u64, sum_above, 1);
  u32 prefix = 0;
  u64 above = 0;
#pragma unroll 1
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (threadIdx.x < 256) sums[threadIdx.x] = 0;
    sync_block();
#pragma unroll 1
    for (int id = threadIdx.x; id < row.count; id += THREADS) {
      const float logit = row.logits[id];
      const u32 order = order_of(logit);
      if (shift < 24 && order >> (shift + 8) != prefix) continue;
      const u64 each = measure(logit, order, id);
      if (each > 0) atomic_add(&sums[order >> shift & 255], each);
    }
    sync_block();
    if (threadIdx.x < 32) {
      // Lane i has the digits from 255 − 8i down.
      const int lane = threadIdx.x, top = 255 - 8 * lane;
      u64 mine = 0;
#pragma unroll
      for (int i = 0; i < 8; i++) mine += sums[top - i];
      const u64 up_to = above + warp_scan64(mine);
      const u32 reached = ballot(up_to >= target);
      const int winner = reached ? __builtin_ctz(reached) : 31;
      if (lane == winner) {
        u64 sum = up_to - mine;
        int digit = top;
        // Without a digit that reaches it, by rounding, the last one that has anything.
#pragma unroll 1
        for (int i = 0; i < 7 && sum + sums[digit] < target; i++) { sum += sums[digit]; digit--; }
        chosen[0] = (u32)digit;
        sum_above[0] = sum;
      }
    }
    sync_block();
    prefix = prefix << 8 | chosen[0];
    above = sum_above[0];
    sync_block();
  }
  return {prefix, above};
}

// The part of the ids that a warp has, in order.
struct Segment {
  int begin, end;
  DEV Segment(int count, int warp) {
    const int length = (count + WARPS * 32 - 1) / (WARPS * 32) * 32;
    begin = min(warp * length, count);
    end = min(begin + length, count);
  }
};

// The first id up to which the sum of measures, by id, is at least a target; the last one that has any, if none is.
// `total` is the sum of all.
template <class M> DEV int find_id(const Row &row, const M &measure, u64 target, u64 total_of_all) {
  SHARED(u64, sums, WARPS);
  SHARED(int, found, 1);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const u64 goal = target < total_of_all ? target : total_of_all;
  const Segment mine(row.count, warp);
  u64 sum = 0;
#pragma unroll 1
  for (int id = mine.begin + lane; id < mine.end; id += 32) sum += measure(row.logits[id], order_of(row.logits[id]), id);
  sum = warp_sum64(sum);
  if (lane == 0) sums[warp] = sum;
  sync_block();
  u64 before = 0;
#pragma unroll 1
  for (int i = 0; i < warp; i++) before += sums[i];
  if (before < goal && before + sum >= goal) {
    bool is_found = false;
#pragma unroll 1
    for (int start = mine.begin; start < mine.end && !is_found; start += 32) {
      const int id = start + lane;
      const u64 each = id < mine.end ? measure(row.logits[id], order_of(row.logits[id]), id) : 0;
      const u64 up_to = before + warp_scan64(each);
      const u32 reached = ballot(up_to >= goal);
      if (reached) {
        is_found = true;
        if (lane == __builtin_ctz(reached)) found[0] = id;
      }
      before = shuffle64(up_to, 31);
    }
  }
  sync_block();
  const int id = found[0];
  sync_block();
  return id;
}

template <class M> DEV u64 sum_of(const Row &row, const M &measure) {
  SHARED(u64, sums, WARPS);
  u64 sum = 0;
#pragma unroll 1
  for (int id = threadIdx.x; id < row.count; id += THREADS) sum += measure(row.logits[id], order_of(row.logits[id]), id);
  sum = warp_sum64(sum);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
  sync_block();
  sum = 0;
#pragma unroll 1
  for (int i = 0; i < WARPS; i++) sum += sums[i];
  sync_block();
  return sum;
}

// Of those at the cut, the first `count` by id.
DEV Kept keep_ties(const Row &row, u32 cut, u64 count) {
  auto is_tie = [&](float, u32 order, int) -> u64 { return order == cut ? 1 : 0; };
  const u64 all = sum_of(row, is_tie);
  return {cut, count < all ? find_id(row, is_tie, count, all) + 1 : row.count};
}

// One block a multiprocessor is enough: more registers are worth more.
extern "C" __global__ void __attribute__((launch_bounds(THREADS, 1))) sample(int *tokens, int *status, const float *logits, const double *parameters, const int *top_ks, const int *counts, int factor, int vocab,
                        int token_count) {
  const int at = blockIdx.x;
  if (at >= counts[0] * factor) return;
  const float *own = logits + (i64)at * vocab;
  const BestLogit best = find_best(own, vocab, token_count);
  const double *p = parameters + 4 * at;
  const bool is_drawn = best.is_finite() && p[0] != 0.0;
  SHARED(double, scale, 3);
  if (threadIdx.x == 0) {
    status[2 * at] = best.nan_count;
    status[2 * at + 1] = best.infinite_count;
    if (!is_drawn) tokens[at] = best.is_finite() ? best.id : -1;
    else {
      scale[0] = (double)own[best.id];
      scale[1] = divide(1.0, p[0]);
      scale[2] = add(scale[0], multiply(p[0], p[1]));
    }
  }
  if (!is_drawn) return;
  sync_block();
  const Row row = {own, token_count, scale};
  Kept kept = {0, token_count};
  const int top_k = top_ks[at];
  if (top_k > 0 && top_k < token_count) {
    const Cut cut = find_cut(row, (u64)top_k, [](float, u32, int) -> u64 { return 1; });
    kept = keep_ties(row, cut.order, (u64)top_k - cut.above);
  }
  auto weigh = [&](float logit, u32 order, int id) -> u64 { return kept.has(order, id) ? row.weight(logit) : 0; };
  u64 total = sum_of(row, weigh);
  if (p[2] < 1.0) {
    const u64 target = max_u64(1, float64_to_u64_up(multiply(p[2], u64_to_float64(total))));
    const Cut cut = find_cut(row, target, weigh);
    const u64 each = row.weight(float_of_order(cut.order)), missing = target - cut.above;
    kept = keep_ties(row, cut.order, each > 0 ? (missing + each - 1) / each : 1);
    total = sum_of(row, weigh);
  }
  // The sum is above uniform · total from the next integer on.
  const u64 target = float64_to_u64(multiply(p[3], u64_to_float64(total))) + 1;
  const int id = find_id(row, weigh, target, total);
  if (threadIdx.x == 0) tokens[at] = id;
}
