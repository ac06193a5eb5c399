// The largest logit of a row, of equal ones the first, and whether there are logits that no model should have.
#pragma once
#include "device.cuh"

// Integers in the order of float32; 0 and −0 are equal. The least is that of −infinity.
DEV u32 order_of(float x) {
  const u32 stored = float_bits(x), bits = stored == 0x80000000u ? 0u : stored;
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
DEV float float_of_order(u32 order) { return float_from_bits(order >> 31 ? order & 0x7fffffffu : ~order); }
#define ORDER_OF_LEAST 0x007fffffu
#define NO_TOKEN 0x7fffffff

struct BestLogit {
  u32 order;
  int id, nan_count, infinite_count;
  // The row can be sampled from.
  DEV bool is_finite() const { return nan_count == 0 && infinite_count == 0 && order > ORDER_OF_LEAST; }
};

DEV BestLogit better_of(const BestLogit &a, const BestLogit &b) {
  const bool is_a = a.order > b.order || (a.order == b.order && a.id < b.id);
  return {is_a ? a.order : b.order, is_a ? a.id : b.id, a.nan_count + b.nan_count, a.infinite_count + b.infinite_count};
}

// By all threads of a block; all get the result. The best of the first token_count; NaN and infinite ones of all.
DEV BestLogit find_best(const float *row, int vocab, int token_count) {
  SHARED(u32, orders, 32);
  SHARED(int, ids, 32);
  SHARED(int, nans, 32);
  SHARED(int, infinites, 32);
  BestLogit best = {0, NO_TOKEN, 0, 0};
#pragma unroll 1
  for (int id = threadIdx.x; id < vocab; id += blockDim.x) {
    const float x = row[id];
    const u32 bits = float_bits(x), order = order_of(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) best.nan_count++;
    else if (bits == 0x7f800000u) best.infinite_count++;
    else if (id < token_count && order > best.order) { best.order = order; best.id = id; }
  }
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    best = better_of(best, {shuffle_xor(best.order, distance), shuffle_xor(best.id, distance), shuffle_xor(best.nan_count, distance),
                            shuffle_xor(best.infinite_count, distance)});
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
  if (threadIdx.x % 32 == 0) { orders[warp] = best.order; ids[warp] = best.id; nans[warp] = best.nan_count; infinites[warp] = best.infinite_count; }
  sync_block();
  best = {0, NO_TOKEN, 0, 0};
#pragma unroll 1
  for (int i = 0; i < warps; i++) best = better_of(best, {orders[i], ids[i], nans[i], infinites[i]});
  return best;
}
