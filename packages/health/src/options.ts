import { HealthError } from "./errors.ts";

/**
 * Throws for an unknown option.
 * @throws HealthError `INVALID_OPTION`
 */
export function assertKnownOptions(owner: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new HealthError(
        "INVALID_OPTION",
        `${owner}: expected only the options ${known.join(", ")}, got "${key}"`,
      );
    }
  }
}

/**
 * Throws unless the value is a finite number above zero.
 * @throws HealthError `INVALID_OPTION`
 */
export function assertPositive(name: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0)) {
    throw new HealthError(
      "INVALID_OPTION",
      `${name}: expected a finite number above 0, got ${String(value)}`,
    );
  }
}

/**
 * Throws unless the value is a non-empty string.
 * @throws HealthError `INVALID_OPTION`
 */
export function assertName(name: string, value: string): void {
  if (typeof value !== "string" || value === "") {
    throw new HealthError(
      "INVALID_OPTION",
      `${name}: expected a non-empty string, got ${JSON.stringify(value)}`,
    );
  }
}
