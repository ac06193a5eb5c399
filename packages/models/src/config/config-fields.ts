import { ModelError, quoteValue } from "../errors.ts";
import type { ModelErrorCode } from "../errors.ts";
import { isJsonObject } from "../files/json-shape.ts";

/** Both ends included. */
export interface IntegerRange {
  readonly min?: number;
  readonly max: number;
}

/** A range of numbers that includes its lower end (`min`) or not (`above`), and includes its upper end. */
export type NumberRange =
  | { readonly min: number; readonly max: number }
  | { readonly above: number; readonly max: number };

/** Overrides of a field's error. By default it is `INVALID_CONFIG` about the field's value. */
export interface FieldErrorOptions {
  readonly code?: ModelErrorCode;
  readonly got?: string;
  readonly advice?: string;
}

/** Where fields are from, for errors. */
export interface ConfigSource {
  readonly file: string;
  /** What the file calls a field, where that is another name. */
  readonly fieldNames: ReadonlyMap<string, string>;
}

/** Reads and checks the fields of a JSON object; errors name the file and the field. */
export class ConfigFields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #source: ConfigSource;
  readonly #prefix: string;

  /** @throws ModelError `INVALID_CONFIG` when `values` is not an object */
  constructor(values: unknown, source: string | ConfigSource, prefix = "") {
    this.#source = typeof source === "string" ? { file: source, fieldNames: new Map() } : source;

    if (!isJsonObject(values)) {
      const mismatch = { expected: "a JSON object", got: quoteValue(values) };
      const { file } = this.#source;
      throw new ModelError("INVALID_CONFIG", mismatch, { file, field: prefix === "" ? undefined : prefix });
    }
    this.#values = values;
    this.#prefix = prefix;
  }

  /** The raw value; `undefined` when absent. Own properties only. */
  raw(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  /** The same fields under common names: those that are absent under them are found under the file's own. */
  withCommonNames(ownNames: Readonly<Record<string, string>>): ConfigFields {
    const renamed = Object.entries(ownNames).filter(
      ([common, own]) => this.raw(common) === undefined && this.raw(own) !== undefined,
    );
    const values = {
      ...this.#values,
      ...Object.fromEntries(renamed.map(([common, own]) => [common, this.raw(own)])),
    };
    const fieldNames = new Map([...renamed, ...this.#source.fieldNames]);
    return new ConfigFields(values, { ...this.#source, fieldNames }, this.#prefix);
  }

  /** The names of all fields. */
  names(): readonly string[] {
    return Object.keys(this.#values);
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    const value = this.raw(name);
    return value !== undefined && value !== null;
  }

  integer(name: string, range: IntegerRange): number {
    const min = range.min ?? 1;
    const value = this.raw(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > range.max) {
      throw this.invalid(name, `an integer from ${min} to ${range.max}`);
    }
    return value;
  }

  number(name: string, range: NumberRange): number {
    const value = this.raw(name);
    const isInside =
      typeof value === "number" &&
      ("min" in range ? value >= range.min : value > range.above) &&
      value <= range.max;
    if (!isInside) throw this.invalid(name, describeRange(range));
    return value;
  }

  /** `fallback` when absent or null. */
  boolean(name: string, fallback: boolean): boolean {
    if (!this.has(name)) {
      return fallback;
    }
    const value = this.raw(name);
    if (typeof value !== "boolean") {
      throw this.invalid(name, "true or false");
    }
    return value;
  }

  /** `undefined` when absent or null. */
  text(name: string): string | undefined {
    if (!this.has(name)) {
      return undefined;
    }
    const value = this.raw(name);
    if (typeof value !== "string" || value === "") {
      throw this.invalid(name, "a string that is not empty");
    }
    return value;
  }

  /** A nested object; `undefined` when absent or null. */
  object(name: string): ConfigFields | undefined {
    return this.has(name) ? new ConfigFields(this.raw(name), this.#source, this.#path(name)) : undefined;
  }

  /** The same fields, and others where they have none of a name. */
  withDefaults(defaults: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields({ ...defaults, ...this.#values }, this.#source, this.#prefix);
  }

  /** The same fields, with others in place of those of the same name. */
  withFields(fields: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields({ ...this.#values, ...fields }, this.#source, this.#prefix);
  }

  /** Creates the error of a field that is not as expected. */
  invalid(name: string, expected: string, options: FieldErrorOptions = {}): ModelError {
    const value = this.raw(name);
    const {
      code = "INVALID_CONFIG",
      got = value === undefined ? "nothing" : quoteValue(value),
      advice,
    } = options;
    const { file, fieldNames } = this.#source;
    const field = this.#path(name);
    const details = { file, field: fieldNames.get(field) ?? field };
    return new ModelError(code, { expected, got, advice }, details);
  }

  #path(name: string): string {
    return this.#prefix === "" ? name : `${this.#prefix}.${name}`;
  }
}

function describeRange(range: NumberRange): string {
  return "min" in range
    ? `a number from ${range.min} to ${range.max}`
    : `a number above ${range.above} and at most ${range.max}`;
}
