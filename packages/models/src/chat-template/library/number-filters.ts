import { fixed } from "../operations/format-spec.ts";
import { integerArgument } from "./filter-support.ts";
import { limits } from "../values/limits.ts";
import { PythonFloat } from "../values/python-float.ts";
import { toInteger, type Integer } from "../values/python-integer.ts";
import type { Rendering } from "../values/rendering.ts";
import { TemplateError } from "../values/template-error.ts";
import { isTrue } from "../values/truth.ts";
import { isInteger, toNumber, typeName, Undefined, type Value } from "../values/values.ts";

type Arguments = readonly (Value | undefined)[];

const floatPattern =
  /^[-+]?(?:(?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[-+]?\d+(?:_\d+)*)?|inf(?:inity)?|nan)$/i;
const maxDecimals = 100;

function numberOf(value: Value): Integer | PythonFloat {
  if (value instanceof Undefined) throw value.error();
  const number = toNumber(value);
  if (number === undefined) throw new TemplateError(`expected a number, got '${typeName(value)}'`);
  return number;
}

export function absolute(value: Value): Value {
  const number = numberOf(value);
  if (number instanceof PythonFloat) return new PythonFloat(Math.abs(number.value));
  return number < 0 ? toInteger(-BigInt(number)) : number;
}

/** Reads a number, or a string in Python's syntax of a float. */
function parseFloatText(value: Value): number | undefined {
  const number = toNumber(value);
  if (number !== undefined) return number instanceof PythonFloat ? number.value : Number(number);
  if (typeof value !== "string") return undefined;
  const text = value.trim().replaceAll("_", "");
  if (!floatPattern.test(value.trim()) || !/[\dna]/i.test(text)) return undefined;
  const plain = text.toLowerCase().replace(/^([-+]?)inf(?:inity)?$/, "$1Infinity");
  return plain.endsWith("nan") ? Number.NaN : Number(plain);
}

export function toFloat(value: Value, [fallback = new PythonFloat(0)]: Arguments): Value {
  if (value instanceof Undefined) throw value.error();
  const number = parseFloatText(value);
  if (number === undefined || (!Number.isFinite(number) && isInteger(value))) return fallback;
  return new PythonFloat(number);
}

export function toInt(value: Value, [fallback = 0, base]: Arguments): Value {
  if (value instanceof Undefined) throw value.error();
  if (typeof value === "string") {
    const whole = parseInteger(value.trim(), integerArgument(base, 10));
    if (whole !== undefined) return whole;
  }
  const number = toNumber(value);
  if (number !== undefined && isInteger(number)) return number;
  const double = parseFloatText(value);
  return double === undefined || !Number.isFinite(double) ? fallback : toInteger(BigInt(Math.trunc(double)));
}

function parseInteger(text: string, base: number): Integer | undefined {
  if (text.length > limits.integerDigits) return undefined;
  const [, sign, body = ""] = /^([-+]?)(.*)$/su.exec(text) ?? [];
  const prefixed = /^0([box])_?(.*)$/isu.exec(body);
  const prefixBase = { b: 2, o: 8, x: 16 }[prefixed?.[1]?.toLowerCase() ?? ""];
  const hasPrefix = prefixBase !== undefined && (base === prefixBase || base === 0);
  const digits = hasPrefix ? (prefixed?.[2] ?? "") : body;
  const radix = base === 0 ? (prefixBase ?? 10) : base;
  if (radix < 2 || radix > 36 || !/^[\da-z]+(?:_[\da-z]+)*$/i.test(digits)) return undefined;
  let result = 0n;
  for (const digit of digits.replaceAll("_", "")) {
    const number = Number.parseInt(digit, 36);
    if (number >= radix) return undefined;
    result = result * BigInt(radix) + BigInt(number);
  }
  return toInteger(sign === "-" ? -result : result);
}

/** Rounds half to even, as Python does; an integer stays an integer. */
export function round(value: Value, args: Arguments, rendering: Rendering): Value {
  const number = numberOf(value);
  const precision = integerArgument(args[0], 0);
  const method = args[1] === undefined ? "common" : rendering.text(args[1]);
  if (Math.abs(precision) > maxDecimals) {
    throw new TemplateError(`precision: expected at most ${maxDecimals} digits, got ${Math.abs(precision)}`);
  }
  if (method === "ceil" || method === "floor") {
    const scaled = Number(number instanceof PythonFloat ? number.value : number) * 10 ** precision;
    if (!Number.isFinite(scaled)) throw new TemplateError("cannot convert float infinity or NaN to integer");
    return new PythonFloat((method === "ceil" ? Math.ceil(scaled) : Math.floor(scaled)) / 10 ** precision);
  }
  if (method !== "common") throw new TemplateError("method must be common, ceil or floor");
  if (number instanceof PythonFloat) return new PythonFloat(roundFloat(number.value, precision));
  return precision >= 0 ? number : roundInteger(BigInt(number), 10n ** BigInt(-precision));
}

function roundFloat(value: number, precision: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  if (precision >= 0) {
    const rounded = Math.abs(value) >= 2 ** 52 ? Math.abs(value) : Number(fixed(Math.abs(value), precision));
    return value < 0 ? -rounded : rounded;
  }
  const unit = 10 ** -precision;
  const down = Math.floor(Math.abs(value) / unit);
  const rest = Math.abs(value) - down * unit;
  const up = rest > unit / 2 || (rest === unit / 2 && down % 2 === 1) ? 1 : 0;
  return Math.sign(value) * (down + up) * unit;
}

function roundInteger(value: bigint, unit: bigint): Integer {
  const size = value < 0n ? -value : value;
  const down = size / unit;
  const rest = (size % unit) * 2n;
  const rounded = (rest > unit || (rest === unit && down % 2n === 1n) ? down + 1n : down) * unit;
  return toInteger(value < 0n ? -rounded : rounded);
}

export function filesize(value: Value, [isBinary = false]: Arguments): Value {
  const bytes = parseFloatText(value);
  if (bytes === undefined) throw new TemplateError(`could not convert to float: '${typeName(value)}'`);
  const base = isTrue(isBinary) ? 1024 : 1000;
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const letters = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
  const at = letters.findIndex((_, index) => bytes < base ** (index + 2));
  const index = at < 0 ? letters.length - 1 : at;
  const letter = letters[index] ?? "";
  const prefix = isTrue(isBinary) ? `${letter.toUpperCase()}iB` : `${letter}B`;
  return `${fixed((base * bytes) / base ** (index + 2), 1)} ${prefix}`;
}
