// What attention by tensor cores has beside products: softmax of scores as mma.m16n8k16 leaves them, and numbers of 8 bits
// as bf16. A lane has elements of two rows, lane / 4 (elements 0 and 1) and 8 more (2 and 3), and columns lane % 4 · 2, + 1.
#pragma once
#include "attention-pieces.cuh"

// Of a function that captures: not left to the size of its body, as variables that are captured would be in memory.
#define INLINE __attribute__((always_inline))

// Makes scores of products with queries, where scores have a cap.
template <int N> DEV void cap_scores(float (&scores)[N][4], float cap) {
  if (cap <= 0.f) return;
#pragma unroll
  for (int j = 0; j < N; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) scores[j][e] = score_of(scores[j][e], cap);
}
// Scores of what the lane's rows, of positions `own`, do not attend to are below the least one: they have no weight, whatever the
// largest. `position` is that of the lane's first column.
template <int N> DEV void mask_scores(float (&scores)[N][4], int position, const int (&own)[2], int window) {
  const int first[2] = {first_attended(own[0], window), first_attended(own[1], window)};
#pragma unroll
  for (int j = 0; j < N; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) {
      const int at = position + j * 8 + (e & 1);
      if (at < first[e >> 1] || at > own[e >> 1]) scores[j][e] = 2.f * LEAST_SCORE;
    }
}

struct SoftmaxRows {
  float most[2] = {LEAST_SCORE, LEAST_SCORE}, total[2] = {0.f, 0.f};

  // Makes weights of scores; sums with earlier ones are to be multiplied with `keep`.
  template <int N> DEV void weigh(float (&scores)[N][4], float (&keep)[2]) {
    float above[2] = {most[0], most[1]};
#pragma unroll
    for (int j = 0; j < N; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) above[e >> 1] = fmaxf(above[e >> 1], scores[j][e]);
#pragma unroll
    for (int h = 0; h < 2; h++) {
      above[h] = fmaxf(above[h], shuffle_xor(above[h], 1));
      above[h] = fmaxf(above[h], shuffle_xor(above[h], 2));
      keep[h] = exp2f(most[h] - above[h]);
      most[h] = above[h];
      total[h] *= keep[h];
    }
#pragma unroll
    for (int j = 0; j < N; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        scores[j][e] = exp2f(scores[j][e] - most[e >> 1]);
        total[e >> 1] += scores[j][e];
      }
  }
  // Joins the totals of the lanes of a row.
  DEV void join_lanes() {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      total[h] += shuffle_xor(total[h], 1);
      total[h] += shuffle_xor(total[h], 2);
    }
  }
};

// Two signed bytes of a word as bf16, which has all of them; flipped ^ 0x80808080 is the word.
template <int LOW, int HIGH> DEV u32 bytes_as_bf16(u32 flipped) { return pack_bf16(byte_as_float(flipped, LOW), byte_as_float(flipped, HIGH)); }

// The order in which chunks of 16 bytes of lines are copied to lines an odd number of chunks apart: eight neighbours are in
// different banks. Of lines of 6, 10 or 12 chunks the first 4 or 8 are copied before the rest; eight neighbours are as many of a
// line as lines are apart. Others are copied as they are.
struct LineChunk { int line, chunk; };
template <int CHUNKS> constexpr bool in_parts = CHUNKS % 2 == 0 && (CHUNKS & (CHUNKS - 1)) != 0;
template <int WIDTH> DEV LineChunk part_chunk(int i) { return {i / 8 / WIDTH * 8 + i / 8 % WIDTH + i % 8 / WIDTH * WIDTH, i % WIDTH}; }
// The i-th of LINES lines, a multiple of 16.
template <int CHUNKS, int LINES> DEV LineChunk line_chunk(int i) {
  constexpr int first = CHUNKS > 8 ? 8 : 4, rest = CHUNKS - first;
  if constexpr (in_parts<CHUNKS>) {
    if (i < LINES * first) return part_chunk<first>(i);
    const LineChunk of_rest = part_chunk<rest>(i - LINES * first);
    return {of_rest.line, first + of_rest.chunk};
  } else return {i / CHUNKS, i % CHUNKS};
}
