// The names of float64.cuh where kernels are compiled for the host.
#pragma once
#include "host-device.hpp"
DEV double add(double a, double b) { return a + b; }
DEV double multiply(double a, double b) { return a * b; }
DEV double divide(double a, double b) { return a / b; }
DEV double u64_to_float64(u64 x) { return (double)x; }
DEV u64 float64_to_u64(double x) { return ptx::to_integer<u64>(std::trunc(x)); }
DEV u64 float64_to_u64_up(double x) { return ptx::to_integer<u64>(std::ceil(x)); }
DEV int float64_to_int_nearest(double x) { return ptx::to_integer<int32_t>(std::rint(x)); }
DEV double float_to_float64(float x) { return (double)x; }
DEV float float64_to_float(double x) { return (float)x; }
DEV double float64_from_bits(u64 x) { return ptx::real(x); }
