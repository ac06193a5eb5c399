import { limits } from "../values/limits.ts";
import { PythonFloat } from "../values/python-float.ts";
import { TemplateLimitError } from "../values/template-error.ts";
import { toInteger } from "../values/python-integer.ts";

/** Parses an integer literal, decimal or with one of Python's prefixes. */
export function parseIntegerLiteral(text: string): number | bigint {
  const digits = text.replaceAll("_", "");
  if (digits.length > limits.integerDigits) {
    throw new TemplateLimitError("digits in an integer", limits.integerDigits);
  }
  return toInteger(BigInt(digits));
}

/** Parses a float literal. */
export function parseFloatLiteral(text: string): PythonFloat {
  return new PythonFloat(Number(text.replaceAll("_", "")));
}
