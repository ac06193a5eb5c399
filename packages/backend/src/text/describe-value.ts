const shownLength = 40;

/** Shows a wrong value in a message: short, and never the whole of a long one. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    return JSON.stringify(value.length > shownLength ? `${value.slice(0, shownLength)}…` : value);
  }
  if (Array.isArray(value)) {
    return value.length === 1 ? "an array of 1 element" : `an array of ${value.length} elements`;
  }
  if (typeof value === "object" && value !== null) return "an object";
  // JSON has numbers that are too large for this one's.
  return typeof value === "number" || typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

/** Shortens a name that a client made up. */
export function shortName(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}
