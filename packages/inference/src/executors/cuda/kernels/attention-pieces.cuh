// What kernels of attention by pieces take. A piece is some tokens of one sequence, which attend to its pages; a row is a
// head of a token, and those of the heads that share a kv head are computed together.
//
// q, out (tokens, heads, head_dim), q float32, rotated and scaled by position, out of out_type as in store-as.cuh. Pages [page][kv_head][16][head_dim]
// of one type; of 8 bits: number · scale, scales float32 [page][kv_head][16], else null. piece_tokens, piece_lengths,
// piece_positions (pieces): first token, count of tokens (0: no work), first position. tables[sequences[token]][position /
// 16] are pages, rows table_stride apart. window: positions that a token attends to, itself included, 0: all. cap: cap ·
// tanh(score / cap), 0: none. sinks (heads) or null: a score of each head that takes its share and adds nothing.
#pragma once
#include "scores.cuh"
#include "number-types.cuh"
#include "store-as.cuh"

#define PAGE 16

struct PieceArguments {
  void *out;
  float *partial;
  const float *q, *key_scales, *value_scales, *sinks;
  const int *piece_tokens, *piece_lengths, *piece_positions, *sequences, *tables;
  int table_stride, heads, kv_heads, head_dim, window;
  float scale, cap;
  int out_type;
};

// Up to `most` rows of a piece, from row `begin` of those of a kv head on.
struct PieceRows {
  int group, kv_head, begin, count, token, position, heads, window;
  // What the rows attend to is within first to end.
  int first, end;
  const int *table;

  DEV PieceRows(const PieceArguments &a, int of_kv_head, int piece, int block, int most)
      : group(a.heads / a.kv_heads), kv_head(of_kv_head), begin(block * most), count(min(most, a.piece_lengths[piece] * group - begin)), heads(a.heads), window(a.window) {
    if (count <= 0) return;
    token = a.piece_tokens[piece];
    position = a.piece_positions[piece];
    first = first_attended(position_of(0), window);
    end = position_of(count - 1) + 1;
    table = a.tables + (i64)a.sequences[token] * a.table_stride;
  }
  DEV int position_of(int row) const { return position + (begin + row) / group; }
  DEV int head_of(int row) const { return kv_head * group + (begin + row) % group; }
  // Of a head of a token in q and out.
  DEV i64 place_of(int row) const { return (i64)(token + (begin + row) / group) * heads + head_of(row); }
  DEV bool reads(int at) const { return (u32)(at - first) < (u32)(end - first); }
};

// A signed byte of a word, in the mantissa of 2^23 and so without a conversion; flipped ^ 0x80808080 is the word.
DEV float byte_as_float(u32 flipped, int at) { return float_from_bits(0x4b000000u | (flipped >> 8 * at & 255)) - 8388736.f; }

#define ATTENTION(name, threads, stored, compute)                                                                                         \
  KERNEL(name, threads)(void *out, float *partial, const float *q, const stored *keys, const stored *values, const float *key_scales,    \
   const float *value_scales, const float *sinks, const int *piece_tokens, const int *piece_lengths, const int *piece_positions,          \
   const int *sequences, const int *tables, int table_stride, int heads, int kv_heads, int head_dim, int window, float scale, float cap, int out_type) { \
    compute(keys, values, {out, partial, q, key_scales, value_scales, sinks, piece_tokens, piece_lengths, piece_positions, sequences,     \
                           tables, table_stride, heads, kv_heads, head_dim, window, scale, cap, out_type});                                       \
  }
