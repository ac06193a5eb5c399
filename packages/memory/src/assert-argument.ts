import { MemoryError } from "./errors.ts";

/** Creates the error for an argument or option that is not what it should be. */
export function invalidArgument(name: string, expected: string, got: unknown): MemoryError {
  const shown = typeof got === "string" ? JSON.stringify(got) : String(got);
  return new MemoryError("INVALID_ARGUMENT", `${name}: expected ${expected}, got ${shown}`);
}

/** @throws MemoryError `INVALID_ARGUMENT` unless the value is an integer of at least `min` */
export function assertInteger(name: string, value: number, min = 1): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw invalidArgument(name, `an integer of ${min} or more`, value);
}

/** @throws MemoryError `INVALID_ARGUMENT` unless the value is a power of two */
export function assertPowerOfTwo(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value))) return;
  throw invalidArgument(name, "a power of two", value);
}

/** @throws MemoryError `WRONG_DEVICE` unless a block, stream or event is on the device */
export function assertDevice(kind: string, handle: { readonly deviceId: string }, deviceId: string): void {
  if (handle.deviceId === deviceId) return;
  throw new MemoryError("WRONG_DEVICE", `expected ${kind} on ${deviceId}, got one on ${handle.deviceId}`);
}

/** @throws MemoryError `INVALID_ARGUMENT` for an option that does not exist */
export function assertKnownOptions(owner: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw invalidArgument(owner, `only the options ${known.join(", ")}`, unknown.join(", "));
}
