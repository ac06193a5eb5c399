import type { Budget } from "../values/budget.ts";
import { pointCount } from "../values/code-points.ts";
import { limits } from "../values/limits.ts";
import { floatText } from "../values/python-float.ts";
import { integerText, type Integer } from "../values/python-integer.ts";
import { TemplateError, TemplateLimitError } from "../values/template-error.ts";

/** Python's format specification. */
export interface FormatSpec {
  readonly fill: string;
  readonly align: "<" | ">" | "^" | "=";
  readonly sign: "+" | "-" | " ";
  readonly isAlternate: boolean;
  readonly width: number;
  readonly separator: "" | "," | "_";
  readonly precision: number | undefined;
  readonly type: string;
}

const pattern = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;
/** The limit of `toFixed`. */
const maxDigits = 100;

/** Reads `{:>8.2f}`'s specification. @throws TemplateError */
export function parseFormatSpec(text: string, isNumber: boolean): FormatSpec {
  const found = pattern.exec(text);
  if (found === null) throw new TemplateError(`Invalid format specifier ${JSON.stringify(text)}`);
  const [, fill, align, sign, , alternate, zero, width, separator, precision, type] = found;
  const isZero = zero !== undefined && align === undefined;
  return {
    fill: fill ?? (zero === undefined ? " " : "0"),
    align: (align ?? (isZero && isNumber ? "=" : isNumber ? ">" : "<")) as FormatSpec["align"],
    sign: (sign ?? "-") as FormatSpec["sign"],
    isAlternate: alternate !== undefined,
    width: Number(width ?? 0),
    separator: (separator ?? "") as FormatSpec["separator"],
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? "",
  };
}

export function formatText(text: string, spec: FormatSpec, budget: Budget): string {
  const cut = spec.precision === undefined ? text : Array.from(text).slice(0, spec.precision).join("");
  return pad(["", cut], spec, budget);
}

export function formatInteger(value: Integer, spec: FormatSpec, budget: Budget): string {
  const absolute = value < 0 ? -value : value;
  const [radix, prefix] = radixOf(spec.type);
  const digits = radix === 10 ? integerText(absolute) : absolute.toString(radix);
  const padded = digits.padStart(
    Math.min(spec.type === "d" ? (spec.precision ?? 0) : 0, limits.integerDigits),
    "0",
  );
  const grouped = group(
    spec.type === "X" ? padded.toUpperCase() : padded,
    spec.separator,
    radix === 10 ? 3 : 4,
  );
  return pad([signOf(value < 0, spec) + (spec.isAlternate ? prefix : ""), grouped], spec, budget);
}

function radixOf(type: string): [radix: number, prefix: string] {
  switch (type) {
    case "x":
      return [16, "0x"];
    case "X":
      return [16, "0X"];
    case "o":
      return [8, "0o"];
    case "b":
      return [2, "0b"];
    case "d":
    case "n":
    case "":
      return [10, ""];
    default:
      throw new TemplateError(`Unknown format code ${JSON.stringify(type)} for object of type 'int'`);
  }
}

export function formatFloat(value: number, spec: FormatSpec, budget: Budget): string {
  const { precision } = spec;
  if (precision !== undefined && precision > maxDigits) {
    throw new TemplateLimitError("digits in a formatted number", maxDigits);
  }
  const isNegative = value < 0 || Object.is(value, -0);
  const absolute = Math.abs(value);
  const text = Number.isFinite(value) ? finiteText(absolute, spec) : Number.isNaN(value) ? "nan" : "inf";
  const [whole = "", ...rest] = text.split(/(?=[.e%])/i);
  const grouped = Number.isFinite(value) ? group(whole, spec.separator, 3) + rest.join("") : text;
  const cased = /[EFG]/.test(spec.type) ? grouped.toUpperCase() : grouped;
  return pad([signOf(isNegative, spec), cased], spec, budget);
}

function finiteText(value: number, { type, precision, isAlternate }: FormatSpec): string {
  switch (type.toLowerCase()) {
    case "f":
      return fixed(value, precision ?? 6);
    case "e":
      return twoDigitExponent(value.toExponential(precision ?? 6));
    case "%":
      return `${fixed(value * 100, precision ?? 6)}%`;
    case "g":
      return general(value, Math.max(1, precision ?? 6), isAlternate);
    case "":
      return precision === undefined
        ? floatText(value)
        : withPoint(general(value, Math.max(1, precision), false));
    default:
      throw new TemplateError(`Unknown format code ${JSON.stringify(type)} for object of type 'float'`);
  }
}

function withPoint(text: string): string {
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Formats with a number of decimals; rounds half to even. */
export function fixed(value: number, digits: number): string {
  if (value >= 1e21) return `${BigInt(value)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}`;
  const text = value.toFixed(digits);
  // JavaScript rounds half up; an exact half ends with a 5 one digit further.
  if (digits >= maxDigits || !/^\d*\.?\d*5$/.test(value.toFixed(digits + 1))) return text;
  const exact = value.toFixed(maxDigits);
  const point = exact.indexOf(".");
  const isHalf = /^50*$/.test(exact.slice(point + 1 + digits));
  const last = Number(exact[digits === 0 ? point - 1 : point + digits]);
  return isHalf && last % 2 === 0 ? exact.slice(0, digits === 0 ? point : point + 1 + digits) : text;
}

function general(value: number, digits: number, keepsZeros: boolean): string {
  if (value === 0) return keepsZeros ? `0.${"0".repeat(digits - 1)}` : "0";
  const exponent = Number(value.toExponential(Math.min(digits - 1, maxDigits)).split("e")[1]);
  const isPlain = exponent >= -4 && exponent < digits;
  const text = isPlain
    ? fixed(value, Math.min(digits - 1 - exponent, maxDigits))
    : twoDigitExponent(value.toExponential(digits - 1));
  if (keepsZeros || !text.includes(".")) return text;
  const [mantissa = "", power] = text.split("e");
  const trimmed = mantissa.replace(/0+$/, "").replace(/\.$/, "");
  return power === undefined ? trimmed : `${trimmed}e${power}`;
}

function twoDigitExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function signOf(isNegative: boolean, { sign }: FormatSpec): string {
  return isNegative ? "-" : sign === "-" ? "" : sign;
}

function group(digits: string, separator: string, size: number): string {
  if (separator === "") return digits;
  const first = digits.length % size;
  const groups = digits.slice(first).match(new RegExp(`.{${size}}`, "g")) ?? [];
  return [...(first > 0 ? [digits.slice(0, first)] : []), ...groups].join(separator);
}

function pad(
  [prefix, text]: readonly [prefix: string, text: string],
  spec: FormatSpec,
  budget: Budget,
): string {
  const missing = Math.max(0, spec.width - pointCount(prefix + text));
  budget.makeText(missing * spec.fill.length + text.length);
  const left = spec.align === "<" ? 0 : spec.align === "^" ? Math.floor(missing / 2) : missing;
  const [before, after] = [spec.fill.repeat(left), spec.fill.repeat(missing - left)];
  return spec.align === "=" ? prefix + before + text : before + prefix + text + after;
}
