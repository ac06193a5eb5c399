import { InvalidRequestError } from "../errors.ts";

/** A range of numbers, its lower end inclusive (`least`) or exclusive (`above`). */
export type NumberRange =
  | { readonly least: number; readonly most: number }
  | { readonly above: number; readonly most: number };

/** Reads an object field by field; a field that is `undefined` counts as absent. */
export interface FieldReader {
  take(name: string): unknown;
  string(name: string): string | undefined;
  boolean(name: string): boolean | undefined;
  number(name: string, range: NumberRange): number | undefined;
  /** From `start` to `last`, inclusive. */
  integer(name: string, range: { readonly start: number; readonly last: number }): number | undefined;
  /** Refuses unknown fields: those that were not read. */
  end(): void;
}

/** @throws InferenceError `INVALID_REQUEST` with the field's path */
export function readFields(path: string, source: unknown): FieldReader {
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    throw new InvalidRequestError(path === "" ? "request" : path, "an object", source);
  }
  const values = new Map<string, unknown>(Object.entries(source));
  const taken = new Set<string>();
  const prefix = path === "" ? "" : `${path}.`;
  const fail = (name: string, expected: string): never => {
    throw new InvalidRequestError(prefix + name, expected, values.get(name));
  };
  const take = (name: string): unknown => {
    taken.add(name);
    return values.get(name);
  };
  return {
    take,
    string: (name) => {
      const value = take(name);
      return value === undefined || (typeof value === "string" && value !== "")
        ? value
        : fail(name, "a string that is not empty");
    },
    boolean: (name) => {
      const value = take(name);
      return value === undefined || typeof value === "boolean" ? value : fail(name, "true or false");
    },
    number: (name, range) => {
      const value = take(name);
      if (value === undefined) return undefined;
      const isAboveLeast =
        typeof value === "number" && ("least" in range ? value >= range.least : value > range.above);
      return isAboveLeast && value <= range.most ? value : fail(name, describeRange(range));
    },
    integer: (name, { start, last }) => {
      const value = take(name);
      if (value === undefined) return undefined;
      return typeof value === "number" && Number.isInteger(value) && value >= start && value <= last
        ? value
        : fail(name, `an integer from ${start} to ${last}`);
    },
    end: () => {
      for (const [name, value] of values) {
        if (taken.has(name) || value === undefined) continue;
        const known = [...taken].join(", ");
        throw new InvalidRequestError(prefix + name, `no field of this name (known: ${known})`, value);
      }
    },
  };
}

function describeRange(range: NumberRange): string {
  if ("least" in range) return `a number from ${range.least} to ${range.most}`;
  if (range.most === Number.MAX_VALUE) return `a number above ${range.above}`;
  return `a number above ${range.above} and at most ${range.most}`;
}
