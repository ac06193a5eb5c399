import type { Budget } from "../values/budget.ts";
import { Dict } from "../values/dict.ts";
import { formatFloat, formatInteger, formatText, type FormatSpec } from "./format-spec.ts";
import { PythonFloat } from "../values/python-float.ts";
import { toInteger, type Integer } from "../values/python-integer.ts";
import { pythonRepr, pythonText } from "../values/python-text.ts";
import { TemplateError } from "../values/template-error.ts";
import {
  isInteger,
  isList,
  Range,
  toNumber,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "../values/values.ts";

const directive = /%(?:\(([^()]*)\))?([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?(.)?/gsu;

/** Python's `"%s of %d" % (a, b)`. */
export function formatPercent(text: string, values: Value, budget: Budget): string {
  const queue = values instanceof Tuple ? [...values.items] : [values];
  let hasNames = false;
  const take = (): Value => {
    const value = queue.shift();
    if (value === undefined) throw new TemplateError("not enough arguments for format string");
    return value;
  };
  const takeWidth = (given: string | undefined): number | undefined => {
    if (given === undefined) return undefined;
    const width = given === "*" ? take() : Number(given);
    if (!isInteger(width)) throw new TemplateError("expected an int for *, got another value");
    return Number(width);
  };
  const result = text.replaceAll(directive, (whole, ...groups: unknown[]) => {
    const [name, flags = "", width, precision, letter] = groups as (string | undefined)[];
    if (letter === "%") return "%";
    if (letter === undefined) throw new TemplateError("incomplete format");
    const given = takeWidth(width);
    const digits = takeWidth(precision ?? (/\.[hlL]?.$/su.test(whole) ? "0" : undefined));
    let value: Value;
    if (name === undefined) {
      value = take();
    } else {
      if (!(values instanceof Dict)) throw new TemplateError("format requires a mapping");
      hasNames = true;
      const found = values.get(name);
      if (found === undefined) throw new TemplateError(`expected a value for %(${name}), got none`);
      value = found;
    }
    const isLeft = flags.includes("-") || (given !== undefined && given < 0);
    const spec: FormatSpec = {
      fill: flags.includes("0") && !isLeft && /[diufFeEgGxXo]/.test(letter) ? "0" : " ",
      align: isLeft ? "<" : flags.includes("0") && /[diufFeEgGxXo]/.test(letter) ? "=" : ">",
      sign: flags.includes("+") ? "+" : flags.includes(" ") ? " " : "-",
      isAlternate: flags.includes("#"),
      width: Math.abs(given ?? 0),
      separator: "",
      precision: digits,
      type: letter,
    };
    return budget.text(formatOne(value, spec, budget));
  });
  // As in Python, values that support indexing may stay unused.
  const isHolder =
    values instanceof Dict || isList(values) || values instanceof Range || values instanceof Undefined;
  if (queue.length > 0 && !hasNames && !isHolder) {
    throw new TemplateError("not all arguments converted during string formatting");
  }
  return budget.text(result);
}

function formatOne(value: Value, spec: FormatSpec, budget: Budget): string {
  switch (spec.type) {
    case "s":
      return formatText(pythonText(value, budget), spec, budget);
    case "r":
    case "a":
      return formatText(pythonRepr(value, budget), spec, budget);
    case "c":
      return formatText(
        isInteger(value) ? String.fromCodePoint(Number(value)) : pythonText(value, budget),
        spec,
        budget,
      );
    case "d":
    case "i":
    case "u":
      return formatInteger(wholeNumber(value), { ...spec, type: "d" }, budget);
    case "x":
    case "X":
    case "o":
      if (value instanceof PythonFloat) {
        throw new TemplateError(`%${spec.type} format: an integer is required, not float`);
      }
      return formatInteger(wholeNumber(value), spec, budget);
    case "e":
    case "E":
    case "f":
    case "F":
    case "g":
    case "G":
      return formatFloat(anyNumber(value), spec, budget);
    default:
      throw new TemplateError(`unsupported format character ${JSON.stringify(spec.type)}`);
  }
}

function wholeNumber(value: Value): Integer {
  const number = toNumber(value);
  if (number === undefined || (number instanceof PythonFloat && !Number.isFinite(number.value))) {
    throw new TemplateError(`expected a number to format, got '${typeName(value)}'`);
  }
  return number instanceof PythonFloat ? toInteger(BigInt(Math.trunc(number.value))) : number;
}

function anyNumber(value: Value): number {
  const number = toNumber(value);
  if (number === undefined) throw new TemplateError(`must be real number, not ${typeName(value)}`);
  return number instanceof PythonFloat ? number.value : Number(number);
}
