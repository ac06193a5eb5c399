import { ConstraintError } from "../program/constraint-error.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Texts that are not empty; lone surrogates are replaced. @throws ConstraintError for an empty one, or if they are longer than `maxLength` together */
export function textsOf(texts: unknown, name: string, maxLength: number): readonly string[] {
  let length = 0;
  return listOf(texts, name).map((text, index) => {
    if (typeof text !== "string" || text === "") {
      return refuse(`${name}[${index}]`, "a text that is not empty", typeof text);
    }
    length += text.length;
    if (length > maxLength) {
      const fault = { path: name, expected: `at most ${maxLength} characters`, got: `${length} or more` };
      throw new ConstraintError("CONSTRAINT_TOO_LARGE", fault);
    }
    return decoder.decode(encoder.encode(text));
  });
}

/** @throws ConstraintError `INVALID_CONSTRAINT` for what is no array, and for an empty one */
export function listOf<Item>(list: readonly Item[], path: string): readonly Item[];
export function listOf(list: unknown, path: string): readonly unknown[];
export function listOf(list: unknown, path: string): readonly unknown[] {
  if (Array.isArray(list) && list.length > 0) return list as readonly unknown[];
  return refuse(path, "an array that is not empty", typeof list);
}

/** @throws ConstraintError `INVALID_CONSTRAINT` for what is no string */
export function textOf(text: unknown, path: string): string {
  return typeof text === "string" ? text : refuse(path, "a string", typeof text);
}

/** @throws ConstraintError `INVALID_CONSTRAINT` */
export function refuse(path: string, expected: string, got: string): never {
  throw new ConstraintError("INVALID_CONSTRAINT", { path, expected, got });
}
