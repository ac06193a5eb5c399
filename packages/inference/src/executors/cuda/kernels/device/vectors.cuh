// Accesses of 8 and of 16 aligned bytes; the same on the device and where it is emulated. To the compiler they are of vectors:
// structures it takes apart, and often reads and writes their parts one by one.
#pragma once
typedef u32 Words2 __attribute__((vector_size(8)));
typedef u32 Words4 __attribute__((vector_size(16)));
typedef float Floats2 __attribute__((vector_size(8)));
typedef float Floats4 __attribute__((vector_size(16)));
DEV uint2 load8(const void *p) { const Words2 v = *reinterpret_cast<const Words2 *>(p); return {v[0], v[1]}; }
DEV uint4 load16(const void *p) { const Words4 v = *reinterpret_cast<const Words4 *>(p); return {v[0], v[1], v[2], v[3]}; }
DEV float2 load_float2(const float *p) { const Floats2 v = *reinterpret_cast<const Floats2 *>(p); return {v[0], v[1]}; }
DEV float4 load_float4(const float *p) { const Floats4 v = *reinterpret_cast<const Floats4 *>(p); return {v[0], v[1], v[2], v[3]}; }
DEV void store8(void *to, uint2 v) { *reinterpret_cast<Words2 *>(to) = Words2{v.x, v.y}; }
DEV void store16(void *to, uint4 v) { *reinterpret_cast<Words4 *>(to) = Words4{v.x, v.y, v.z, v.w}; }
DEV void store_float2(float *to, float2 v) { *reinterpret_cast<Floats2 *>(to) = Floats2{v.x, v.y}; }
DEV void store_float4(float *to, float4 v) { *reinterpret_cast<Floats4 *>(to) = Floats4{v.x, v.y, v.z, v.w}; }
