// Arithmetic. Approximations are those of the hardware, about two units in the last place.
#pragma once
#define INFINITY __builtin_huge_valf()
DEV float fmaxf(float a, float b) { return __nvvm_fmax_f(a, b); }
DEV float fminf(float a, float b) { return __nvvm_fmin_f(a, b); }
DEV float fabsf(float a) { return __builtin_fabsf(a); }
DEV float fmaf(float a, float b, float c) { return __nvvm_fma_rn_f(a, b, c); }
DEV float rsqrtf(float a) { return __nvvm_rsqrt_approx_ftz_f(a); }
DEV float sqrtf(float a) { return __nvvm_sqrt_approx_ftz_f(a); }
DEV float reciprocal(float a) { float r; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(a)); return r; }
DEV float exp2f(float a) { return __nvvm_ex2_approx_ftz_f(a); }
DEV float log2f(float a) { return __nvvm_lg2_approx_ftz_f(a); }
// Absolute error about 2^-21 for |a| below π, larger beyond: use tables for the angles of positions.
DEV float sin_approximate(float a) { return __nvvm_sin_approx_ftz_f(a); }
DEV float cos_approximate(float a) { return __nvvm_cos_approx_ftz_f(a); }
DEV int float_to_int_nearest(float a) { return __nvvm_f2i_rn_ftz(a); }
DEV float floorf(float a) { return __nvvm_floor_ftz_f(a); }
DEV int min(int a, int b) { return a < b ? a : b; }
DEV int max(int a, int b) { return a > b ? a : b; }
DEV u32 min(u32 a, u32 b) { return a < b ? a : b; }
DEV u32 max(u32 a, u32 b) { return a > b ? a : b; }
// Four products of signed bytes, added to c.
DEV int dot_bytes(u32 a, u32 b, int c) { int r; asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c)); return r; }

// Two numbers of 16 bits in a register, the first in the low half.
DEV u32 pack_bf16(float low, float high) { u32 r; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low)); return r; }
DEV u32 pack_f16(float low, float high) { u32 r; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low)); return r; }
DEV u16 float_to_f16(float x) { u16 r; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x)); return r; }
DEV float f16_to_float(u16 x) { float r; asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x)); return r; }
