import { isSpaceCode } from "../values/white-space.ts";

/** Python's `capitalize`. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Python's `title`. */
export function titleCase(text: string): string {
  return text.replaceAll(/\p{L}+/gu, capitalize);
}

/** Python's `swapcase`. */
export function swapCase(text: string): string {
  return Array.from(text, (point) =>
    point === point.toLowerCase() ? point.toUpperCase() : point.toLowerCase(),
  ).join("");
}

/** Python's `isdigit` and similar methods. */
export const classTests: ReadonlyMap<string, (text: string) => boolean> = new Map<
  string,
  (text: string) => boolean
>([
  ["isdigit", (text) => /^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u.test(text)],
  ["isdecimal", (text) => /^\p{Nd}+$/u.test(text)],
  ["isnumeric", (text) => /^\p{N}+$/u.test(text)],
  ["isalpha", (text) => /^\p{L}+$/u.test(text)],
  ["isalnum", (text) => /^[\p{L}\p{N}]+$/u.test(text)],
  ["isascii", (text) => /^[\0-\u007F]*$/.test(text)],
  ["isspace", (text) => text !== "" && Array.from(text).every((point) => isSpaceCode(point.charCodeAt(0)))],
  ["isupper", isUpper],
  ["islower", isLower],
  ["istitle", (text) => /\p{L}/u.test(text) && text === titleCase(text)],
  ["isidentifier", (text) => /^[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*$/u.test(text)],
  ["isprintable", (text) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text)],
]);

export function isUpper(text: string): boolean {
  return /\p{Lu}/u.test(text) && !/[\p{Ll}\p{Lt}]/u.test(text);
}

export function isLower(text: string): boolean {
  return /\p{Ll}/u.test(text) && !/[\p{Lu}\p{Lt}]/u.test(text);
}
