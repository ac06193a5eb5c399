/** Numbers of one block of Q4_0. */
const blockSize = 32;

/**
 * Quantizes as llama.cpp's reference for Q4_0: the number of the largest magnitude becomes −8, and the scale is
 * stored as float16. Returns the layout of `BlockQuantizedWeight`. `values` are whole blocks.
 *
 * @see llama.cpp, `ggml-quants.c`, `quantize_row_q4_0_ref`
 */
export function quantizeQ40(values: Float32Array): {
  readonly data: Uint8Array;
  readonly scales: Float32Array;
} {
  const data = new Uint8Array(values.length / 2);
  const scales = new Float32Array(values.length / blockSize);
  for (let block = 0; block < scales.length; block += 1) {
    const start = block * blockSize;
    let extreme = 0;
    for (let index = start; index < start + blockSize; index += 1) {
      if (Math.abs(values[index]!) > Math.abs(extreme)) extreme = values[index]!;
    }
    const scale = Math.fround(extreme / -8);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    scales[block] = roundToFloat16(scale);
    for (let index = start; index < start + blockSize; index += 2) {
      data[index / 2] = level(values[index]! * inverse) | (level(values[index + 1]! * inverse) << 4);
    }
  }
  return { data, scales };
}

function level(scaled: number): number {
  return Math.min(15, Math.trunc(Math.fround(Math.fround(scaled) + 8.5)));
}

/** To 11 significant bits, ties to even, as far as scales need it: no overflow. */
function roundToFloat16(value: number): number {
  if (value === 0) return 0;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10);
  const quotient = value / step;
  const below = Math.floor(quotient);
  const rest = quotient - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return (isUp ? below + 1 : below) * step;
}
