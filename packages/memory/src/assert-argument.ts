import { MemoryError } from "./errors.ts";

/** Refuses what is not a power of two. */
export function assertPowerOfTwo(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value))) return;
  throw new MemoryError("INVALID_ARGUMENT", `${name} must be a power of two, found ${value}`);
}

/** Refuses what is not an integer of 1 or more. */
export function assertSizeBytes(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new MemoryError("INVALID_ARGUMENT", `${name} must be an integer of 1 or more, found ${value}`);
}

/** Refuses an option that does not exist. */
export function assertKnownOptions(what: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new MemoryError(
    "INVALID_ARGUMENT",
    `${what} has no option ${unknown.map((name) => `"${name}"`).join(", ")}; known are ${known.join(", ")}`,
  );
}
