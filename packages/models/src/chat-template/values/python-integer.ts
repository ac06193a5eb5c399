import { limits } from "./limits.ts";
import { TemplateLimitError } from "./template-error.ts";

/** A Python `int`: a number where that is exact, else a bigint. */
export type Integer = number | bigint;

/** Normalizes an integer: equal ones have the same representation. */
export function toInteger(value: bigint): Integer {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : limited(value);
}

/** Returns `exact` where it is a safe integer, else computes with bigints. */
export function integerOf(exact: number, compute: () => bigint): Integer {
  return Number.isSafeInteger(exact) ? exact + 0 : toInteger(compute());
}

/** An upper bound of an integer's bits. */
export function bitsOf(value: Integer): number {
  if (typeof value === "bigint") return (value < 0n ? -value : value).toString(16).length * 4;
  return value === 0 ? 1 : Math.ceil(Math.log2(Math.abs(value) + 1));
}

/** @throws TemplateLimitError where a result of so many bits would be too large */
export function assertBits(bits: number): void {
  if (bits > limits.integerBits) {
    throw new TemplateLimitError("bits in an integer", limits.integerBits);
  }
}

function limited(value: bigint): bigint {
  assertBits(bitsOf(value));
  return value;
}

/** Formats an integer; Python refuses long ones, too. */
export function integerText(value: Integer): string {
  const text = String(value);
  if (text.length > limits.integerDigits + 1) {
    throw new TemplateLimitError("digits in a printed integer", limits.integerDigits);
  }
  return text;
}
