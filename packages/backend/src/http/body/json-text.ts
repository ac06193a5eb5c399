/** Marks the digits of a `bigint` in a JSON text; no text in a document begins with it. */
const mark = "\u0001";
const marked = /"\\u0001(-?\d+)"/g;

/** Writes JSON in which a `bigint` is a number with all of its digits. */
export function toJsonText(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === "bigint" ? `${mark}${each}` : each,
  );
  return text.replaceAll(marked, "$1");
}
