// Products of many rows by tensor cores: tiles of BM rows and 128 outputs, 32 columns at a time. 256 threads are 8 warps, which
// share a tile as ROW_WARPS × (8 / ROW_WARPS).
#pragma once
#include "matrix.cuh"
#include "number-types.cuh"
#include "outputs.cuh"

#define BN 128
#define BK 32

// Where 8 numbers (a chunk) of a row of a tile are: neighbours in a column are in different banks.
DEV int swizzle(int row, int chunk) { return row * BK + ((chunk ^ (row >> 1 & 3)) << 3); }

// The steps of 32 columns that a split computes.
struct Steps {
  int begin, end;
  DEV Steps(int k) {
    const int all = (k + BK - 1) / BK, per = (all + (int)gridDim.z - 1) / (int)gridDim.z;
    begin = min((int)blockIdx.z * per, all);
    end = min(begin + per, all);
  }
};

// The rows of a tile in shared memory, -1 where there is none.
template <int BM> struct TilePlaces {
  const int *rows;
  DEV TilePlaces(const RowTile &tile) {
    SHARED(int, places, BM);
    if (threadIdx.x < BM) places[threadIdx.x] = tile.row(threadIdx.x);
    sync_block();
    rows = places;
  }
  DEV int operator()(int line) const { return rows[line]; }
};

// Starts copying the columns of a step to a tile of LINES rows: of those that row_of(line) says, -1 being none; 0 beyond the rows
// and the columns that there are.
template <int LINES, class Rows> DEV void fetch_tile(u16 *tile, const u16 *from, int k, int step, const Rows &row_of) {
#pragma unroll
  for (int i = 0; i < (LINES * 4 + 255) / 256; i++) {
    const int at = threadIdx.x + i * 256, line = at / 4, chunk = at % 4, column = step * BK + chunk * 8;
    if (LINES % 64 != 0 && at >= LINES * 4) continue;
    const int row = row_of(line);
    const bool is_inside = row >= 0 && column < k;
    copy_async16(tile + swizzle(line, chunk), is_inside ? from + (i64)row * k + column : from, is_inside);
  }
}

template <class T, int BM, int ROW_WARPS> struct GemmTile {
  static constexpr int columns = 8 / ROW_WARPS, WM = BM / ROW_WARPS, WN = BN / columns, MI = WM / 16, NI = WN / 8;
  float sums[MI][NI][4];
  DEV GemmTile() {
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int j = 0; j < NI; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) sums[i][j][e] = 0.f;
  }
  // Adds the products of one step.
  DEV void step(const u16 *x, const u16 *w) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, wm = warp % ROW_WARPS, wn = warp / ROW_WARPS;
#pragma unroll
    for (int kk = 0; kk < BK / 16; kk++) {
      u32 a[MI][4], b[NI / 2][4];
#pragma unroll
      for (int i = 0; i < MI; i++) load_matrix_x4(a[i], x + swizzle(wm * WM + i * 16 + (lane & 15), kk * 2 + (lane >> 4)));
#pragma unroll
      for (int j = 0; j < NI / 2; j++) load_matrix_x4(b[j], w + swizzle(wn * WN + j * 16 + (lane & 7) + (lane >> 4 << 3), kk * 2 + (lane >> 3 & 1)));
#pragma unroll
      for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++) T::mma(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
    }
  }
  // One split: out[row][output] with bias; several: out[row][split][output], for `sum_splits`.
  DEV void write(const Outputs &outputs, const float *bias, const TilePlaces<BM> &row_of) const {
    const int n = outputs.n;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, wm = warp % ROW_WARPS, wn = warp / ROW_WARPS, splits = gridDim.z;
    if (splits > 1) bias = nullptr;
#pragma unroll
    for (int j = 0; j < NI; j++) {
      const int output = outputs.first + wn * WN + j * 8 + lane % 4 * 2;
      const float bias0 = bias && output < n ? bias[output] : 0.f, bias1 = bias && output + 1 < n ? bias[output + 1] : 0.f;
#pragma unroll
      for (int i = 0; i < MI; i++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const int row = row_of(wm * WM + i * 16 + lane / 4 + h * 8);
          if (row < 0 || output >= n) continue;
          float *to = outputs.out + ((i64)row * splits + blockIdx.z) * n + output;
          const float first = sums[i][j][h * 2] + bias0, second = sums[i][j][h * 2 + 1] + bias1;
          if (n % 2 == 0) store_float2(to, {first, second});
          else {
            to[0] = first;
            if (output + 1 < n) to[1] = second;
          }
        }
    }
  }
};
