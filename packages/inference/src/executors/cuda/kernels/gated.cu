// out = activation(gate) · up, number by number: what an MLP's last product reads.
//
// gate, up (rows, width) float32; out float32, bf16 or f16. activation: 0 silu, 1 gelu by the hyperbolic tangent, 2 gelu, 3
// quick gelu, x · sigmoid(1.702 x). Rows: counts[0] · factor. Any width.
// 256 threads; grid (⌈width / 256⌉, rows).
#include "functions.cuh"
#include "number-types.cuh"

DEV float activate(float x, int activation) {
  switch (activation) {
    case 0: return x * logistic(x);
    case 1: return 0.5f * x * (1.f + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
    case 2: return 0.5f * x * (1.f + erff(0.7071067812f * x));
    default: return x * logistic(1.702f * x);
  }
}

template <class T> DEV void gated(typename T::stored *out, const float *gate, const float *up, const int *counts, int factor, int width, int activation) {
  const int i = blockIdx.x * 256 + threadIdx.x, row = blockIdx.y;
  if (row >= counts[0] * factor || i >= width) return;
  const i64 at = (i64)row * width + i;
  out[at] = T::narrow(activate(gate[at], activation) * up[at]);
}

#define GATED(name, T) \
  KERNEL(name, 256)(T::stored *out, const float *gate, const float *up, const int *counts, int factor, int width, int activation) { \
    gated<T>(out, gate, up, counts, factor, width, activation); \
  }
GATED(gated_f32, F32)
GATED(gated_bf16, Bf16)
GATED(gated_f16, F16)
