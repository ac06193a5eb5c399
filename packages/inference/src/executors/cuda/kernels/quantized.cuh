// Numbers of block-quantized weights: integers of 4 or 8 bits in blocks along a row, each with a scale.
#pragma once
#include "stored.cuh"

// A row is whole blocks; the low half of a byte comes first. Zero points are packed as the integers are, a row of them
// begins with a byte of its own.
template <int BITS> struct Quantized {
  const u8 *data;
  const float *scales;
  const u8 *zero_points;
  const float *minima;
  int block_size, blocks;

  DEV float at(i64 row, int column) const {
    const int block = column / block_size;
    const i64 element = row * blocks * block_size + column;
    const i64 number = row * blocks + block;
    int q, zero = 1 << (BITS - 1);
    if (BITS == 4) {
      q = data[element / 2] >> (4 * (column & 1)) & 15;
      if (zero_points) zero = zero_points[row * ((blocks + 1) / 2) + block / 2] >> (4 * (block & 1)) & 15;
    } else {
      q = data[element];
      if (zero_points) zero = zero_points[number];
    }
    const float x = scales[number] * (float)(q - zero);
    return minima ? x + minima[number] : x;
  }
};
