// The table of matrices that products are given, of 6 addresses each: data, scales, zero points, minima, the order of
// columns, bias; null where a matrix has none.
#pragma once
#include "device.cuh"

struct Matrix {
  const void *data;
  const float *scales;
  const u8 *zeros;
  const float *minima;
  const float *bias;
  // That of a row: matrix_of[row], or the first one where matrix_of is null.
  DEV Matrix(const i64 *matrices, const int *matrix_of, int row) {
    const i64 *m = matrices + 6 * (matrix_of ? matrix_of[row] : 0);
    data = (const void *)m[0];
    scales = (const float *)m[1];
    zeros = (const u8 *)m[2];
    minima = (const float *)m[3];
    bias = (const float *)m[5];
  }
};
