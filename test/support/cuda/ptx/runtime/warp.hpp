// What the lanes of a warp do together. PTX ISA: shfl.sync, mma.sync with its fragments.
#pragma once
#include "arithmetic.hpp"

#define FOR_LANES(i) for (u32 left_##i = lanes, i; left_##i && (i = (u32)__builtin_ctz(left_##i), true); left_##i &= left_##i - 1)

// `limit` has the clamp in bits 0 to 4 and the mask of segments in bits 8 to 12. A lane that is not there gives NaN.
template <class Source> static inline void shuffle_lanes(u32 lanes, const u32 *value, const u32 *by, const u32 *limit, u32 *got, u8 *valid, Source source) {
  FOR_LANES(i) {
    const u32 clamp = limit[i] & 31, segment = limit[i] >> 8 & 31, most = (i & segment) | (clamp & ~segment & 31);
    const int from = source((int)i, (int)(by[i] & 31), (int)(i & segment), (int)segment);
    valid[i] = source.below() ? from >= (int)most : from <= (int)most;
    const int lane = valid[i] ? from : (int)i;
    got[i] = lanes >> lane & 1 ? value[lane] : ~0u;
  }
}
struct FromBelow { bool below() const { return true; } int operator()(int i, int by, int, int) const { return i - by; } };
struct FromAbove { bool below() const { return false; } int operator()(int i, int by, int, int) const { return i + by; } };
struct FromButterfly { bool below() const { return false; } int operator()(int i, int by, int, int) const { return i ^ by; } };
struct FromIndex { bool below() const { return false; } int operator()(int, int by, int start, int segment) const { return start | (by & ~segment); } };
#define SHUFFLE(name, source) static inline void shuffle_##name(u32 lanes, const u32 *value, const u32 *by, const u32 *limit, u32 *got, u8 *valid) { shuffle_lanes(lanes, value, by, limit, got, valid, source()); }
SHUFFLE(up, FromBelow)
SHUFFLE(down, FromAbove)
SHUFFLE(bfly, FromButterfly)
SHUFFLE(idx, FromIndex)

// Registers of 32 bits in the records of a warp's lanes: `at` are their places in a record.
struct Lanes {
  template <class Record> Lanes(Record *records, const u32 *at) : records(records), bytes(sizeof(Record)), at(at) {}
  template <class T> T &get(int lane, int k) const { return *(T *)((u8 *)records + bytes * (size_t)lane + at[k]); }
  void *records;
  size_t bytes;
  const u32 *at;
};

typedef float Row8 __attribute__((vector_size(32), aligned(4)));

// c += a · b, (16, K) · (K, 8), where lane 4g + t has elements of rows g and g + 8 and of columns around 2t.
template <int K> static inline void multiply_tiles(const float (&a)[16][K], const Row8 (&b)[K], float (&c)[32][4]) {
  Row8 sum[16];
  for (int i = 0; i < 32; i++) for (int k = 0; k < 4; k++) sum[i / 4 + (k & 2) * 4][i % 4 * 2 + (k & 1)] = c[i][k];
  for (int r = 0; r < 16; r++) for (int k = 0; k < K; k++) sum[r] += a[r][k] * b[k];
  for (int i = 0; i < 32; i++) for (int k = 0; k < 4; k++) c[i][k] = sum[i / 4 + (k & 2) * 4][i % 4 * 2 + (k & 1)];
}
template <class N> static void mma_16(u32 (&a)[32][4], u32 (&b)[32][2], float (&c)[32][4]) {
  float left[16][16];
  Row8 right[16];
  for (int i = 0; i < 32; i++) {
    const int g = i / 4, t = i % 4 * 2;
    for (int k = 0; k < 8; k++) left[g + (k & 2) * 4][t + (k & 1) + (k & 4) * 2] = N::widen((u16)(a[i][k / 2] >> 16 * (k & 1)));
    for (int k = 0; k < 4; k++) right[t + (k & 1) + (k & 2) * 4][g] = N::widen((u16)(b[i][k / 2] >> 16 * (k & 1)));
  }
  multiply_tiles<16>(left, right, c);
}
template <class N> static void mma_8(u32 (&a)[32][4], u32 (&b)[32][2], float (&c)[32][4]) {
  float left[16][8];
  Row8 right[8];
  for (int i = 0; i < 32; i++) {
    const int g = i / 4, t = i % 4 * 2;
    for (int k = 0; k < 4; k++) left[g + (k & 2) * 4][t + (k & 1)] = N::widen((u16)(a[i][k / 2] >> 16 * (k & 1)));
    for (int k = 0; k < 2; k++) right[t + k][g] = N::widen((u16)(b[i][0] >> 16 * k));
  }
  multiply_tiles<8>(left, right, c);
}
static void mma_tf32(u32 (&a)[32][4], u32 (&b)[32][2], float (&c)[32][4]) {
  float left[16][8];
  Row8 right[8];
  for (int i = 0; i < 32; i++) {
    const int g = i / 4, t = i % 4;
    for (int k = 0; k < 4; k++) left[g + (k & 1) * 8][t + (k & 2) * 2] = number(a[i][k] & ~0x1fffu);
    for (int k = 0; k < 2; k++) right[t + k * 4][g] = number(b[i][k] & ~0x1fffu);
  }
  multiply_tiles<8>(left, right, c);
}
static void mma_int8(u32 (&a)[32][4], u32 (&b)[32][2], i32 (&c)[32][4]) {
  i32 left[16][32], right[32][8];
  for (int i = 0; i < 32; i++) {
    const int g = i / 4, t = i % 4 * 4;
    for (int k = 0; k < 16; k++) left[g + (k / 4 & 1) * 8][t + k % 4 + (k / 8) * 16] = (i8)(a[i][k / 4] >> 8 * (k % 4));
    for (int k = 0; k < 8; k++) right[t + k % 4 + (k / 4) * 16][g] = (i8)(b[i][k / 4] >> 8 * (k % 4));
  }
  for (int i = 0; i < 32; i++) for (int k = 0; k < 4; k++) {
    const int r = i / 4 + (k & 2) * 4, column = i % 4 * 2 + (k & 1);
    for (int j = 0; j < 32; j++) c[i][k] += left[r][j] * right[j][column];
  }
}
// Elements of a (a_count), b (b_count), c and d (4 each) in the lanes. A function for all products of a type: where they are
// written out, compiling takes several times as long.
template <class C> __attribute__((noinline)) static void multiply(void (*product)(u32 (&)[32][4], u32 (&)[32][2], C (&)[32][4]), const Lanes &lanes, int a_count, int b_count) {
  u32 a[32][4], b[32][2];
  C c[32][4];
  for (int i = 0; i < 32; i++) {
    for (int k = 0; k < a_count; k++) a[i][k] = lanes.get<u32>(i, k);
    for (int k = 0; k < b_count; k++) b[i][k] = lanes.get<u32>(i, a_count + k);
    for (int k = 0; k < 4; k++) c[i][k] = lanes.get<C>(i, a_count + b_count + k);
  }
  product(a, b, c);
  for (int i = 0; i < 32; i++) for (int k = 0; k < 4; k++) lanes.get<C>(i, a_count + b_count + 4 + k) = c[i][k];
}
