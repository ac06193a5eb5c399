import { describe } from "../json-schema/schema/schema-document.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json-schema/schema/json-value.ts";
import { ConstraintError, type ConstraintErrorCode } from "../program/constraint-error.ts";

/** Reads one object of a structural tag; every field must be read, as one that is not known is refused. */
export class TagFields {
  /** Its place: `format.tags[0]`. */
  readonly place: string;
  readonly #object: JsonObject;
  readonly #read = new Set<string>();

  constructor(value: JsonValue | undefined, place: string) {
    this.place = place;
    if (!isJsonObject(value)) {
      const fault = { part: place, path: "structural tag", expected: "an object", got: describe(value) };
      throw new ConstraintError("INVALID_CONSTRAINT", fault);
    }
    this.#object = value;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name) && this.#object[name] !== null;
  }

  get(name: string): JsonValue | undefined {
    this.#read.add(name);
    return this.has(name) ? this.#object[name] : undefined;
  }

  text(name: string): string {
    const value = this.get(name);
    return typeof value === "string" ? value : this.invalid(name, "a string");
  }

  /** One of some texts; the first, if there is none. */
  oneOf(name: string, texts: readonly string[]): string {
    const value = this.get(name) ?? texts[0]!;
    if (typeof value === "string" && texts.includes(value)) return value;
    const expected = `${texts.map((text) => JSON.stringify(text)).join(" or ")}, which can be enforced`;
    return this.refuse("UNSUPPORTED_CONSTRAINT", name, expected);
  }

  texts(name: string): readonly string[] {
    const value = this.get(name) ?? [];
    const isTexts = Array.isArray(value) && value.every((text) => typeof text === "string" && text !== "");
    return isTexts
      ? (value as readonly string[])
      : this.invalid(name, "an array of texts that are not empty");
  }

  flag(name: string): boolean {
    const value = this.get(name) ?? false;
    return typeof value === "boolean" ? value : this.invalid(name, "true or false");
  }

  count(name: string, least: number): number {
    const value = this.get(name);
    if (typeof value === "number" && Number.isInteger(value) && value >= least) return value;
    return this.invalid(name, `an integer from ${least}`);
  }

  list(name: string): readonly JsonValue[] {
    const value = this.get(name);
    if (Array.isArray(value) && value.length > 0) return value as readonly JsonValue[];
    return this.invalid(name, "an array that is not empty");
  }

  /** Says no to a field that has a meaning which is not enforced. */
  refuseOther(name: string, expected: string): void {
    const value = this.get(name);
    const saysNothing =
      value === undefined || value === false || (Array.isArray(value) && value.length === 0);
    if (!saysNothing) this.refuse("UNSUPPORTED_CONSTRAINT", name, expected);
  }

  /** To be called when all fields have been read. @throws ConstraintError for a field that is not known */
  assertAllRead(): void {
    const other = Object.keys(this.#object).find((name) => !this.#read.has(name));
    if (other === undefined) return;
    this.refuse("UNSUPPORTED_CONSTRAINT", other, `nothing but ${[...this.#read].join(", ")}`);
  }

  invalid(name: string, expected: string): never {
    return this.refuse("INVALID_CONSTRAINT", name, expected);
  }

  refuse(code: ConstraintErrorCode, name: string, expected: string): never {
    const got = describe(this.has(name) ? this.#object[name] : undefined);
    throw new ConstraintError(code, { part: this.place, path: name, expected, got });
  }
}
