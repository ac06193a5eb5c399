/** The most columns that are rotated together. */
const largestRotation = 64;

/** How many columns of a row are rotated together: a power of two, and at least two blocks in a row; or 1. */
export function rotationOf(columns: number): number {
  let size = largestRotation;
  while (size > 1 && (columns % size !== 0 || columns === size)) size /= 2;
  return size;
}

/**
 * Multiplies each block of `size` numbers with the Hadamard matrix of that size, divided by the root of the size. A few
 * large numbers become many small ones, and a product stays the same where both of its sides are rotated.
 */
export function rotateRows(values: Float32Array, size: number): void {
  const factor = 1 / Math.sqrt(size);
  for (let block = 0; block < values.length; block += size) {
    const end = block + size;
    for (let half = 1; half < size; half *= 2) {
      for (let start = block; start < end; start += 2 * half) {
        for (let at = start; at < start + half; at += 1) {
          const a = values[at]!;
          const b = values[at + half]!;
          values[at] = a + b;
          values[at + half] = a - b;
        }
      }
    }
    for (let at = block; at < end; at += 1) values[at]! *= factor;
  }
}
