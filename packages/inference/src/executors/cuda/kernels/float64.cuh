// Arithmetic of float64, rounded after each operation as on the host: nothing is joined to a multiply-add.
#pragma once
#include "device.cuh"
#ifdef INFERNODE_HOST
#include "host-float64.hpp"
#else
DEV double add(double a, double b) { double r; asm("add.rn.f64 %0, %1, %2;" : "=d"(r) : "d"(a), "d"(b)); return r; }
DEV double multiply(double a, double b) { double r; asm("mul.rn.f64 %0, %1, %2;" : "=d"(r) : "d"(a), "d"(b)); return r; }
DEV double divide(double a, double b) { double r; asm("div.rn.f64 %0, %1, %2;" : "=d"(r) : "d"(a), "d"(b)); return r; }
DEV double u64_to_float64(u64 x) { double r; asm("cvt.rn.f64.u64 %0, %1;" : "=d"(r) : "l"(x)); return r; }
// Down and up to whole numbers.
DEV u64 float64_to_u64(double x) { u64 r; asm("cvt.rzi.u64.f64 %0, %1;" : "=l"(r) : "d"(x)); return r; }
DEV u64 float64_to_u64_up(double x) { u64 r; asm("cvt.rpi.u64.f64 %0, %1;" : "=l"(r) : "d"(x)); return r; }
DEV int float64_to_int_nearest(double x) { int r; asm("cvt.rni.s32.f64 %0, %1;" : "=r"(r) : "d"(x)); return r; }
// Exact, and to the nearest, denormal numbers included.
DEV double float_to_float64(float x) { double r; asm("cvt.f64.f32 %0, %1;" : "=d"(r) : "f"(x)); return r; }
DEV float float64_to_float(double x) { float r; asm("cvt.rn.f32.f64 %0, %1;" : "=f"(r) : "d"(x)); return r; }
DEV double float64_from_bits(u64 x) { double r; asm("mov.b64 %0, %1;" : "=d"(r) : "l"(x)); return r; }
#endif
DEV u64 max_u64(u64 a, u64 b) { return a > b ? a : b; }

// e^x for x ≤ 0, relative error below 10^−14; 0 below −700. x = n · ln 2 + rest, |rest| ≤ ln 2 / 2, then the series.
DEV double exponential_of_negative(double x) {
  if (x < -700.0) return 0.0;
  const int n = float64_to_int_nearest(x * 1.4426950408889634);
  const double rest = (x - n * 0.6931471805599453) - n * 2.3190468138462996e-17;
  double sum = 1.0;
#pragma unroll
  for (int i = 13; i > 0; i--) sum = 1.0 + sum * rest * (1.0 / i);
  return sum * float64_from_bits((u64)(n + 1023) << 52);
}
