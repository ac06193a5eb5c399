import type { Shape } from "./shapes.ts";

/** Without repetitions: of the same object, of the types that have no keywords, and of equal literals. */
export function uniqueShapes(shapes: readonly Shape[]): readonly Shape[] {
  const seen = new Set<unknown>();
  return shapes.filter((shape) => {
    const key =
      shape.type === "literal"
        ? JSON.stringify(shape.value)
        : shape.type === "null" || shape.type === "boolean"
          ? shape.type
          : shape;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
