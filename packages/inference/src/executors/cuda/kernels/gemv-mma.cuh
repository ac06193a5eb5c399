// What products of few rows by tensor cores share: a block computes 16 outputs of up to R rows (8 or 16). Weights are the 16 rows
// of a product of matrices and inputs its 8 columns, so that 8 rows cost what one does, and a row's result does not depend on
// its neighbours. The warps of a block share K.
#pragma once
#include "matrix.cuh"
#include "number-types.cuh"
#include "outputs.cuh"

#define OUTPUTS 16

// The columns of a warp, in whole steps.
struct WarpColumns {
  int begin, end;
  DEV WarpColumns(int k, int step) {
    const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const int per = ((k + step - 1) / step + warps - 1) / warps * step;
    begin = min(warp * per, k);
    end = min(begin + per, k);
  }
};

// The rows of a block: those of a tile of up to R.
template <int R> struct BlockRows {
  RowTile tile;
  int size;
  DEV BlockRows(const int *matrix_of, const int *order, int rows_of_block, int rows) : tile(matrix_of, order, blockIdx.y, rows_of_block, rows), size(rows_of_block) {}
  DEV int row(int place) const { return place < size ? tile.row(place) : -1; }
  // Where a row begins in x; the first one stands for those that there are not.
  DEV i64 begin(int place, int k) const {
    const int at = row(place);
    return (i64)(at < 0 ? tile.row(0) : at) * k;
  }
};

// Where the sum of an output and a row is in a warp's memory: those that a warp writes or reads at once are in different banks.
DEV int place_of_sum(int output, int row) { return (row ^ (row >> 1 & 1)) * OUTPUTS + (output ^ (row >> 2 & 1) * 8); }

// Adds what the warps have, in their order, and the bias: out[row][output]. `memory` has `stride` floats for each warp, 16 · R
// at least; all lanes of a warp have read what was in theirs.
template <int R>
DEV void write_outputs(const Outputs &outputs, float *memory, int stride, const float (&sums)[R / 8][4], const BlockRows<R> &rows, const float *bias) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
#pragma unroll
  for (int tile = 0; tile < R / 8; tile++)
#pragma unroll
    for (int e = 0; e < 4; e++) memory[warp * stride + place_of_sum(lane / 4 + e / 2 * 8, tile * 8 + lane % 4 * 2 + e % 2)] = sums[tile][e];
  sync_block();
#pragma unroll 1
  for (int i = threadIdx.x; i < OUTPUTS * R; i += blockDim.x) {
    const int place = i / OUTPUTS, at = i % OUTPUTS, output = outputs.first + at, row = rows.row(place);
    if (row < 0 || output >= outputs.n) continue;
    float sum = bias ? bias[output] : 0.f;
#pragma unroll 1
    for (int w = 0; w < warps; w++) sum += memory[w * stride + place_of_sum(at, place)];
    outputs.out[(i64)row * outputs.n + output] = sum;
  }
}
