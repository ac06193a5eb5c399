#pragma once
#include "device.cuh"

// The compiler does not know that this is blockIdx.x: what is worked out from it again takes no registers in between.
#ifdef INFERNODE_HOST
DEV int block_again() { return blockIdx.x; }
#else
DEV int block_again() { int x; asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(x)); return x; }
#endif

// The outputs of a block. One launch computes up to three products of the same inputs, whose tiles of `size` outputs are one behind
// the other; n2 and n3 are 0 where there are none. The matrices of a row's products are neighbours in their table.
struct Outputs {
  float *out;
  int n, first, part, parts;
  DEV Outputs(int size, int block, float *out1, int n1, float *out2, int n2, float *out3, int n3) : out(out1), n(n1), first(block * size), part(0), parts(1 + (n2 > 0) + (n3 > 0)) {
    const int end1 = (n1 + size - 1) / size * size, end2 = (n2 + size - 1) / size * size;
    if (first >= end1) {
      first -= end1;
      part = 1;
      out = out2;
      n = n2;
      if (first >= end2) {
        first -= end2;
        part = 2;
        out = out3;
        n = n3;
      }
    }
  }
  DEV int matrix(int of_rows) const { return of_rows * parts + part; }
};
