// What products multiply: tiles of rows, and matrices. The table of matrices has 6 addresses for each: data, scales, zero
// points, minima, the order of columns, bias; null where a matrix has none.
#pragma once
#include "device.cuh"

struct Matrix {
  const void *data;
  const float *scales;
  const u8 *zeros;
  const float *minima;
  const int *column_order;
  const float *bias;
  DEV Matrix(const i64 *matrices, int index) {
    const i64 *m = matrices + 6 * index;
    data = (const void *)m[0];
    scales = (const float *)m[1];
    zeros = (const u8 *)m[2];
    minima = (const float *)m[3];
    column_order = (const int *)m[4];
    bias = (const float *)m[5];
  }
};

// Up to `size` rows that are multiplied with one matrix. Without `order` they are neighbours. With it, which `group_rows`
// writes, they are those at the tile's places, -1 behind the last one. matrix_of[tile] is their matrix; without matrix_of all
// have the first one. Tiles of one row have no order.
struct RowTile {
  const int *matrix_of, *order;
  int tile, first, size, row_count;
  // `share`: neighbours of `index` that share a tile of an order, and its matrix.
  DEV RowTile(const int *matrices, const int *places, int index, int most, int rows, int share = 1) {
    matrix_of = matrices;
    order = most == 1 ? nullptr : places;
    tile = index / share;
    first = index * most;
    size = most;
    row_count = rows;
  }
  // The row at a place of the tile; -1 where there is none.
  DEV int row(int i) const {
    if (order) return order[first + i];
    return first + i < row_count ? first + i : -1;
  }
  DEV bool is_empty() const { return row(0) < 0; }
  // Of a tile that is not empty.
  DEV int matrix() const { return matrix_of ? matrix_of[tile] : 0; }
};
