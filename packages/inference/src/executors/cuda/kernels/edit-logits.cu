// Changes rows of logits in place before tokens are taken of them, as `adjustLogits` and `maskLogits` do on the host.
//
// logits (rows, vocab) float32; of them the first token_count are tokens. bounds (rows, 4): where the biases of a row begin
// among the edits, its penalties, its suppressed tokens, and where these end. tokens, values (edits): ids; what is added, or
// how often a token was generated. penalties (rows, 3): repetition, frequency, presence. mask_indices (rows): −1 is none;
// masks (…, ceil(vocab / 32)): bit id % 32 of word id / 32 lets a token come next. Rows: counts[0] · factor.
//
// NaN and infinite logits stay, so that what samples finds them. Arithmetic is float64, rounded as on the host.
// Any count of threads up to 256; grid (rows, slices): a block changes the tokens of its slice of the ids.
#include "float64.cuh"

#define LARGEST_LOGIT 3.4028234663852886e38

struct Slice {
  int begin, end;
  DEV Slice(int count) {
    const int length = (count + 32 * (int)gridDim.y - 1) / (32 * (int)gridDim.y) * 32;
    begin = min((int)blockIdx.y * length, count);
    end = min(begin + length, count);
  }
  DEV bool has(int id) const { return id >= begin && id < end; }
};

DEV bool is_finite(u32 bits) { return (bits & 0x7f800000u) != 0x7f800000u; }
DEV bool is_finite(float x) { return is_finite(float_bits(x)); }

DEV float penalize(float x, double count, const double *penalties) {
  const double logit = float_to_float64(x);
  const double repeated = logit > 0.0 ? divide(logit, penalties[0]) : multiply(logit, penalties[0]);
  double adjusted = add(repeated, -multiply(penalties[1], count));
  if (count > 0.0) adjusted = add(adjusted, -penalties[2]);
  return float64_to_float(adjusted > LARGEST_LOGIT ? LARGEST_LOGIT : adjusted < -LARGEST_LOGIT ? -LARGEST_LOGIT : adjusted);
}

KERNEL(edit_logits, 256)(float *logits, const int *bounds, const int *tokens, const double *values, const double *penalties, const int *mask_indices,
                         const u32 *masks, const int *counts, int factor, int vocab, int token_count) {
  const int row = blockIdx.x;
  if (row >= counts[0] * factor) return;
  const int *bound = bounds + 4 * row;
  const int mask_index = mask_indices[row];
  if (mask_index < 0 && bound[0] == bound[3]) return;
  float *own = logits + (i64)row * vocab;
  const Slice slice(token_count);
#pragma unroll 1
  for (int i = bound[0] + threadIdx.x; i < bound[1]; i += blockDim.x) {
    const int id = tokens[i];
    if (slice.has(id) && is_finite(own[id])) own[id] = float64_to_float(add(float_to_float64(own[id]), values[i]));
  }
  sync_block();
#pragma unroll 1
  for (int i = bound[1] + threadIdx.x; i < bound[2]; i += blockDim.x) {
    const int id = tokens[i];
    if (slice.has(id) && is_finite(own[id])) own[id] = penalize(own[id], values[i], penalties + 3 * row);
  }
  sync_block();
#pragma unroll 1
  for (int i = bound[2] + threadIdx.x; i < bound[3]; i += blockDim.x) {
    const int id = tokens[i];
    if (!slice.has(id)) continue;
    // A token may be suppressed twice.
    u32 *bits = (u32 *)own + id;
    const u32 seen = atomic_compare_swap(bits, 0u, 0u);
    if (is_finite(seen)) atomic_compare_swap(bits, seen, float_bits(-INFINITY));
  }
  if (mask_index < 0) return;
  sync_block();
  const u32 *mask = masks + (i64)mask_index * ((vocab + 31) / 32);
#pragma unroll 1
  for (int id = slice.begin + threadIdx.x; id < slice.end; id += blockDim.x) {
    if (!(mask[id / 32] >> (id % 32) & 1) && is_finite(own[id])) own[id] = -INFINITY;
  }
}
