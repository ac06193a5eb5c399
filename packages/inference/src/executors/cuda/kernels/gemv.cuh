// How a product of few rows is shared between warps and splits, and how it ends. 128 threads; grid (⌈n · warps / 4⌉,
// splits, tiles of R rows).
#pragma once
#include "matrix.cuh"
#include "number-types.cuh"

// What a warp computes: the rows of a tile, of one output, over a part of K. `warps` (1, 2 or 4) neighbours share an output,
// and blockIdx.y is a split.
struct GemvPart {
  int output, begin, end;
  DEV GemvPart(int k, int step, int warps) {
    const int warp = threadIdx.x / 32;
    output = blockIdx.x * (4 / warps) + warp / warps;
    const int part = blockIdx.y * warps + warp % warps, parts = gridDim.y * warps;
    const int per = ((k + step - 1) / step + parts - 1) / parts * step;
    begin = min(part * per, k);
    end = min(begin + per, k);
  }
};

// Adds what the lanes and the warps of an output have, in a fixed order. One split: out[row][output], bias added; several:
// out[row][split][output], for `sum_splits`.
template <int R> DEV void gemv_finish(float *out, float (&sum)[R], const RowTile &tile, const float *bias, int n, int warps) {
  SHARED(float, sums, 4 * R);
  const int warp = threadIdx.x / 32;
#pragma unroll
  for (int b = 0; b < R; b++) {
    const float s = warp_sum(sum[b]);
    if ((threadIdx.x & 31) == 0) sums[warp * R + b] = s;
  }
  sync_block();
  const int outputs = 4 / warps;
  if ((int)threadIdx.x >= outputs * R) return;
  const int at = threadIdx.x / R, b = threadIdx.x % R, output = blockIdx.x * outputs + at;
  const int row = tile.row(b);
  if (output >= n || row < 0) return;
  float s = 0.f;
#pragma unroll 1
  for (int i = 0; i < warps; i++) s += sums[(at * warps + i) * R + b];
  const int splits = gridDim.y;
  if (splits == 1 && bias) s += bias[output];
  out[((i64)row * splits + blockIdx.y) * n + output] = s;
}
