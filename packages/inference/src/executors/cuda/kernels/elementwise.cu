#include "functions.cuh"
// Functions of single numbers: x, out (rows, width). grid (rows · width / 256), 256 threads. Rows: counts[0] · factor.
#define ELEMENT() const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; if (i >= (i64)counts[0] * factor * width) return
#define UNARY(name, formula) \
  KERNEL(name, 256)(float *out, const float *a, const int *counts, int factor, int width) { ELEMENT(); const float x = a[i]; out[i] = formula; }
UNARY(sigmoid, logistic(x))
UNARY(silu, x * logistic(x))
UNARY(gelu, 0.5f * x * (1.f + erff(x * 0.70710678f)))
UNARY(quick_gelu, x * logistic(1.702f * x))
UNARY(gelu_tanh, 0.5f * x * (1.f + tanhf(0.79788456f * (x + 0.044715f * x * x * x))))

KERNEL(clip, 256)(float *out, const float *a, const int *counts, int factor, int width, float least, float most) {
  ELEMENT();
  const float x = a[i] < least ? least : a[i];
  out[i] = x > most ? most : x;
}
KERNEL(scale, 256)(float *out, const float *a, const int *counts, int factor, int width, float by) { ELEMENT(); out[i] = by * a[i]; }
// by · tanh(x / by)
KERNEL(cap, 256)(float *out, const float *a, const int *counts, int factor, int width, float by) { ELEMENT(); out[i] = soft_cap(a[i], by); }
KERNEL(add, 256)(float *out, const float *a, const float *b, const int *counts, int factor, int width) { ELEMENT(); out[i] = a[i] + b[i]; }
KERNEL(multiply, 256)(float *out, const float *a, const float *b, const int *counts, int factor, int width) { ELEMENT(); out[i] = a[i] * b[i]; }
// b has one number for each row.
KERNEL(multiply_rows, 256)(float *out, const float *a, const float *b, const int *counts, int factor, int width) { ELEMENT(); out[i] = a[i] * b[i / width]; }
