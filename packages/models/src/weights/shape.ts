/** Whether two shapes are the same in every dimension. */
export function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** Formats a shape: `(12, 8)`. */
export function shapeText(shape: readonly number[]): string {
  return `(${shape.join(", ")})`;
}
