import { limits } from "./limits.ts";
import { PythonFloat } from "./python-float.ts";
import { TemplateError } from "./template-error.ts";
import { toInteger } from "./python-integer.ts";

/** Reads an integer literal: decimal, or with a prefix of Python's. */
export function parseIntegerLiteral(text: string): number | bigint {
  const digits = text.replaceAll("_", "");
  if (digits.length > limits.integerDigits) {
    throw new TemplateError(`expected an integer of at most ${limits.integerDigits} digits`);
  }
  return toInteger(BigInt(digits));
}

/** Reads a literal with a fraction or an exponent. */
export function parseFloatLiteral(text: string): PythonFloat {
  return new PythonFloat(Number(text.replaceAll("_", "")));
}
