/** The most columns that are rotated together. */
const largestRotation = 64;

/** How many columns of a row are rotated together: a power of two, and at least two blocks in a row; or 1. */
export function rotationOf(columns: number): number {
  let size = largestRotation;
  while (size > 1 && (columns % size !== 0 || columns === size)) size /= 2;
  return size;
}
