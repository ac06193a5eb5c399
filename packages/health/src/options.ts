import { HealthError } from "./errors.ts";

/**
 * Throws when an option is given that nothing would read.
 * @throws HealthError `INVALID_OPTION`
 */
export function assertKnownOptions(owner: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new HealthError(
        "INVALID_OPTION",
        `${owner} knows the options ${known.join(", ")}, found "${key}"`,
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
      `${name} must be a finite number above 0, found ${String(value)}`,
    );
  }
}

/**
 * Throws unless the value is a text with something in it.
 * @throws HealthError `INVALID_OPTION`
 */
export function assertName(name: string, value: string): void {
  if (typeof value !== "string" || value === "") {
    throw new HealthError(
      "INVALID_OPTION",
      `${name} must be a text of at least one character, found ${JSON.stringify(value)}`,
    );
  }
}
