import { limits } from "../values/limits.ts";
import { PythonFloat } from "../values/python-float.ts";
import { TemplateLimitError } from "../values/template-error.ts";
import { toInteger } from "../values/python-integer.ts";

/** Reads an integer literal: decimal, or with a prefix of Python's. */
export function parseIntegerLiteral(text: string): number | bigint {
  const digits = text.replaceAll("_", "");
  if (digits.length > limits.integerDigits) {
    throw new TemplateLimitError("digits in an integer", limits.integerDigits);
  }
  return toInteger(BigInt(digits));
}

/** Reads a literal with a fraction or an exponent. */
export function parseFloatLiteral(text: string): PythonFloat {
  return new PythonFloat(Number(text.replaceAll("_", "")));
}
