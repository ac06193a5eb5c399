// tokens[row] = where the largest of the first token_count logits is, of equal ones the first; what greedy sampling takes.
//
// logits (rows, vocab) float32. status (rows, 2): how many of all logits of the row are NaN, and how many +infinite; tokens
// is −1 where there are such, or where no logit is above −infinity. Rows: counts[0] · factor.
// Any count of threads that is a multiple of 32, 1024 at most; grid (rows).
#include "best-logit.cuh"

KERNEL(argmax, 1024)(int *tokens, int *status, const float *logits, const int *counts, int factor, int vocab, int token_count) {
  const int row = blockIdx.x;
  if (row >= counts[0] * factor) return;
  const BestLogit best = find_best(logits + (i64)row * vocab, vocab, token_count);
  if (threadIdx.x != 0) return;
  status[2 * row] = best.nan_count;
  status[2 * row + 1] = best.infinite_count;
  tokens[row] = best.is_finite() ? best.id : -1;
}
