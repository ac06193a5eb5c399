// Weights of 4 or 8 bits in blocks along a row, as `BlockQuantizedWeight` stores them: w = scale · (q − zero) + minimum.
//
// q (n, blocks, block_size · bits / 8), of 4 bits the low half first, from a multiple of 16 bytes on; zero points (n,
// ⌈blocks · bits / 8⌉) packed alike, 8 or 128 where there are none; scales and minima (n, blocks). The last block of a row is
// whole: q behind k are there, and of no meaning. block_size = 2^block_shift, 16 at least.
#pragma once
#include "matrix.cuh"
#include "number-types.cuh"

struct Block { float scale, zero, minimum; };

// One row. scale_type: 0 float32, 1 f16, 2 bf16.
template <int BITS> struct BlockRow {
  const u8 *q, *zeros;
  const float *scales, *minima;
  i64 first;
  int bytes, scale_type;
  bool is_aligned;
  DEV BlockRow(const Matrix &matrix, int row, int k, int block_shift, int type) {
    const int blocks = (k + (1 << block_shift) - 1) >> block_shift;
    bytes = (blocks << block_shift) / 8 * BITS;
    q = (const u8 *)matrix.data + (i64)row * bytes;
    zeros = matrix.zeros ? matrix.zeros + (i64)row * ((blocks * BITS + 7) / 8) : nullptr;
    scales = matrix.scales;
    minima = matrix.minima;
    first = (i64)row * blocks;
    scale_type = type;
    is_aligned = bytes % 16 == 0;
  }
  // The 16 bytes with the numbers from column i on, which is a multiple of 128 / BITS; 0 behind the row.
  DEV void load16(u32 (&out)[4], int i) const {
    const int at = i / 8 * BITS;
    if (is_aligned) {
      const uint4 v = load_stream(q + at);
      out[0] = v.x; out[1] = v.y; out[2] = v.z; out[3] = v.w;
    } else {
      const u64 *p = reinterpret_cast<const u64 *>(q + at);
      const u64 a = p[0], b = at + 8 < bytes ? p[1] : 0;
      out[0] = (u32)a; out[1] = (u32)(a >> 32); out[2] = (u32)b; out[3] = (u32)(b >> 32);
    }
  }
  // The 16 numbers from column i on, which is a multiple of 16: 2 words of 4 bits, 4 words of 8 bits.
  DEV void load_chunk(u32 (&out)[4], int i) const {
    const u8 *p = q + i / 8 * BITS;
    if (BITS == 8) {
      const uint4 v = load_stream(p);
      out[0] = v.x; out[1] = v.y; out[2] = v.z; out[3] = v.w;
    } else {
      const uint2 v = load8(p);
      out[0] = v.x; out[1] = v.y;
    }
  }
  DEV Block block(int at) const {
    Block b;
    const i64 i = first + at;
    const u16 *halves = reinterpret_cast<const u16 *>(scales);
    b.scale = scale_type == 0 ? scales[i] : scale_type == 1 ? f16_to_float(halves[i]) : bf16_to_float(halves[i]);
    b.zero = BITS == 4 ? 8.f : 128.f;
    if (zeros) b.zero = BITS == 4 ? (float)(zeros[at / 2] >> (at % 2 * 4) & 15) : (float)zeros[at];
    b.minimum = minima ? minima[i] : 0.f;
    return b;
  }
};

// Sixteen q of 16 · BITS / 32 words, less zero. 2^23 + q is made by writing q into the low bits of a float.
template <int BITS> DEV void unpack16(float (&out)[16], const u32 *words, float zero) {
  const float less = 8388608.f + zero;
#pragma unroll
  for (int j = 0; j < 16; j++) {
    const u32 q = words[j * BITS / 32] >> (j * BITS % 32) & ((1u << BITS) - 1);
    out[j] = float_from_bits(0x4b000000u | q) - less;
  }
}
