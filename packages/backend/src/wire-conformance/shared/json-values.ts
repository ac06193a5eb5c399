const maxLength = 200;

/** Cuts a text of a stranger to the length of a line or two. */
export function shorten(text: string): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength)}… (${text.length} characters)`;
}

/** Shows a value of an answer as JSON on one line; `nothing` for what is absent. */
export function showValue(value: unknown): string {
  return value === undefined ? "nothing" : shorten(JSON.stringify(value));
}

/** Follows keys and indices into JSON; `undefined` where there is nothing. */
export function valueAt(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string | number, unknown>>)[key];
  }
  return found;
}

/** The texts among values, as one. */
export function joinTexts(values: readonly unknown[]): string {
  return values.filter((value) => typeof value === "string").join("");
}

/** The different `index` of elements, in order: `0,1`. */
export function indicesOf(elements: readonly unknown[]): string {
  const indices = new Set(elements.map((element) => String(valueAt(element, "index"))));
  return [...indices].toSorted((a, b) => a.localeCompare(b)).join(",");
}

/** The elements of an array of JSON; none where there is no array. */
export function elementsAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}
