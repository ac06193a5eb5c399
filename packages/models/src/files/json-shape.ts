import { quoteValue } from "../errors.ts";

/** A value that does not fit its shape: where it is, what was expected, and what is there. */
export class ShapeError extends Error {
  override readonly name: string = "ShapeError";
  readonly path: string;
  readonly expected: string;
  readonly value: unknown;

  constructor(path: string, expected: string, value: unknown) {
    super(`"${path}": expected ${expected}, got ${quoteValue(value)}`);
    this.path = path;
    this.expected = expected;
    this.value = value;
  }
}

/** A value that is valid but not supported. */
export class UnsupportedShapeError extends ShapeError {
  override readonly name: string = "UnsupportedShapeError";
}

/** Checks a value of parsed JSON. @throws ShapeError */
export type Shape = (value: unknown, path: string) => void;

export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Creates a shape from a predicate. */
export function shape(expected: string, fits: (value: unknown) => boolean): Shape {
  return (value, path) => {
    if (!fits(value)) {
      throw new ShapeError(path, expected, value);
    }
  };
}

export const text: Shape = shape("a string", (value) => typeof value === "string");
export const flag: Shape = shape("true or false", (value) => typeof value === "boolean");
export const finiteNumber: Shape = shape(
  "a number",
  (value) => typeof value === "number" && Number.isFinite(value),
);
/** The number of UTF-16 units of the first code point. */
function characterLength(value: string): number {
  return (value.codePointAt(0) ?? 0) > 0xffff ? 2 : 1;
}

/** One code point. */
export const character: Shape = shape(
  "a string of one character",
  (value) => typeof value === "string" && value !== "" && value.length === characterLength(value),
);

/** An integer from 0 to `last`. */
export function integerUpTo(last: number): Shape {
  return shape(
    `an integer from 0 to ${last}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= last,
  );
}

/** A string of a length in UTF-16 units. */
export function textUpTo(maxLength: number, minLength = 0): Shape {
  const range = minLength === 0 ? `at most ${maxLength}` : `${minLength} to ${maxLength}`;
  return shape(
    `a string of ${range} characters`,
    (value) => typeof value === "string" && value.length >= minLength && value.length <= maxLength,
  );
}

/** One of these strings. */
export function oneOf(...names: readonly string[]): Shape {
  return shape(`one of ${names.join(", ")}`, (value) => names.includes(value as string));
}

/** May be absent. */
export function optional(inner: Shape): Shape {
  return (value, path) => {
    if (value !== undefined) {
      inner(value, path);
    }
  };
}

/** May be absent or null. */
export function nullable(inner: Shape): Shape {
  return optional((value, path) => {
    if (value !== null) {
      inner(value, path);
    }
  });
}

/** An object with these fields; others are not checked. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, path) => {
    if (!isJsonObject(value)) {
      throw new ShapeError(path, "an object", value);
    }
    for (const [name, inner] of Object.entries(shapes)) {
      inner(Object.hasOwn(value, name) ? value[name] : undefined, `${path}.${name}`);
    }
  };
}

/** An object with values of one shape under any names. */
export function mapOf(inner: Shape): Shape {
  return (value, path) => {
    if (!isJsonObject(value)) {
      throw new ShapeError(path, "an object", value);
    }
    for (const [name, item] of Object.entries(value)) {
      inner(item, `${path}[${JSON.stringify(name)}]`);
    }
  };
}

/** An array of at most `maxLength` items. */
export function listOf(inner: Shape, maxLength: number): Shape {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > maxLength) {
      const got: unknown = Array.isArray(value) ? value.length : value;
      throw new ShapeError(path, `an array of at most ${maxLength} items`, got);
    }
    for (const [index, item] of value.entries()) {
      inner(item, `${path}[${index}]`);
    }
  };
}

/** An array of exactly these items. */
export function tuple(...shapes: readonly Shape[]): Shape {
  return (value, path) => {
    if (!Array.isArray(value) || value.length !== shapes.length) {
      throw new ShapeError(path, `an array of ${shapes.length} items`, value);
    }
    for (const [index, inner] of shapes.entries()) {
      inner(value[index], `${path}[${index}]`);
    }
  };
}

/** An object with exactly one of these fields. */
export function oneField(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, path) => {
    const names = isJsonObject(value) ? Object.keys(value) : [];
    const [name = ""] = names;
    const inner = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    if (!isJsonObject(value) || names.length !== 1 || inner === undefined) {
      throw new ShapeError(path, `an object with one field, ${Object.keys(shapes).join(" or ")}`, value);
    }
    inner(value[name], `${path}.${name}`);
  };
}

/** An object of the shape that its `type` names. */
export function tagged(shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, path) => {
    if (!isJsonObject(value)) {
      throw new ShapeError(path, "an object with a type", value);
    }
    const { type } = value;
    const inner = typeof type === "string" && Object.hasOwn(shapes, type) ? shapes[type] : undefined;
    if (inner === undefined) {
      throw new ShapeError(`${path}.type`, `one of ${Object.keys(shapes).join(", ")}`, type);
    }
    inner(value, path);
  };
}
