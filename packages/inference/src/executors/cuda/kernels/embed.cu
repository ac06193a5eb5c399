#include "quantized.cuh"
// Looks up rows of a table: out[token][i] = table[indices[token]][i]. grid (tokens), any number of threads.
// counts[0]: tokens.
template <class T> DEV void embed(float *out, const T *table, const int *indices, const int *counts, int width) {
  const int token = blockIdx.x;
  if (token >= counts[0]) return;
  const T *row = table + (i64)indices[token] * width;
  for (int i = threadIdx.x; i < width; i += blockDim.x) out[(i64)token * width + i] = to_float(row[i]);
}
template <int BITS>
DEV void embed_quantized(float *out, const Quantized<BITS> &table, const int *indices, const int *counts, int width) {
  const int token = blockIdx.x;
  if (token >= counts[0]) return;
  for (int i = threadIdx.x; i < width; i += blockDim.x) out[(i64)token * width + i] = table.at(indices[token], i);
}
KERNEL(embed_f32, 256)(float *out, const float *table, const int *indices, const int *counts, int width) {
  embed(out, table, indices, counts, width);
}
KERNEL(embed_f16, 256)(float *out, const F16 *table, const int *indices, const int *counts, int width) {
  embed(out, table, indices, counts, width);
}
KERNEL(embed_bf16, 256)(float *out, const BF16 *table, const int *indices, const int *counts, int width) {
  embed(out, table, indices, counts, width);
}
KERNEL(embed_q4, 256)(float *out, const u8 *data, const float *scales, const u8 *zero_points, const float *minima,
                      const int *indices, const int *counts, int width, int block_size, int blocks) {
  embed_quantized(out, Quantized<4>{data, scales, zero_points, minima, block_size, blocks}, indices, counts, width);
}
KERNEL(embed_q8, 256)(float *out, const u8 *data, const float *scales, const u8 *zero_points, const float *minima,
                      const int *indices, const int *counts, int width, int block_size, int blocks) {
  embed_quantized(out, Quantized<8>{data, scales, zero_points, minima, block_size, blocks}, indices, counts, width);
}
