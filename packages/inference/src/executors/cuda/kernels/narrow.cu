// out = x in 16 bits, for products of 16 bits; f16 keeps what is too large as its largest number.
//
// x (rows, width) float32; out alike, bf16 or f16. Rows: counts[0] · factor. 256 threads; grid (⌈width / 256⌉, rows).
#include "number-types.cuh"

template <class T> DEV void narrow(u16 *out, const float *x, const int *counts, int factor, int width) {
  const int i = blockIdx.x * 256 + threadIdx.x, row = blockIdx.y;
  if (row >= counts[0] * factor || i >= width) return;
  out[(i64)row * width + i] = T::narrow(x[(i64)row * width + i]);
}
KERNEL(narrow_bf16, 256)(u16 *out, const float *x, const int *counts, int factor, int width) { narrow<Bf16>(out, x, counts, factor, width); }
KERNEL(narrow_f16, 256)(u16 *out, const float *x, const int *counts, int factor, int width) { narrow<F16>(out, x, counts, factor, width); }
