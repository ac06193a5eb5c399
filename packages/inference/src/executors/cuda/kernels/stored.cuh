// Numbers as weights and caches store them.
#pragma once
#include "device.cuh"
struct F16 { u16 bits; };
struct BF16 { u16 bits; };

DEV float to_float(float x) { return x; }
DEV float to_float(F16 x) { return f16_to_float(x.bits); }
DEV float to_float(BF16 x) { return bf16_to_float(x.bits); }
DEV float to_float(i8 x) { return (float)x; }
DEV void store(i8 *to, float x) { *to = (i8)float_to_int_nearest(x); }
DEV void store(float *to, float x) { *to = x; }
DEV void store(BF16 *to, float x) { to->bits = float_to_bf16(x); }
