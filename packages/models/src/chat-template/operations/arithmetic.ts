import type { Budget } from "../values/budget.ts";
import { formatPercent } from "./format-percent.ts";
import type { ArithmeticOperator } from "../syntax/nodes.ts";
import { PythonFloat } from "../values/python-float.ts";
import { assertBits, bitsOf, integerOf, toInteger, type Integer } from "../values/python-integer.ts";
import { TemplateError } from "../values/template-error.ts";
import {
  isInteger,
  isList,
  toDouble,
  toNumber,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "../values/values.ts";

type AnyNumber = Integer | PythonFloat;

/** Python's `+ - * / // % **`. @throws TemplateError where Python has no answer */
export function applyArithmetic(
  operator: ArithmeticOperator,
  [left, right]: readonly [Value, Value],
  budget: Budget,
): Value {
  if (operator === "%" && typeof left === "string") return formatPercent(left, right, budget);
  if (left instanceof Undefined) throw left.error();
  if (right instanceof Undefined) throw right.error();
  const [x, y] = [toNumber(left), toNumber(right)];
  if (x !== undefined && y !== undefined) return computeNumbers(operator, x, y);
  const made =
    operator === "+" ? add(left, right, budget) : operator === "*" ? repeat(left, right, budget) : undefined;
  if (made !== undefined) return made;
  throw new TemplateError(
    `unsupported operand types for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

/** The number with the other sign. @throws TemplateError */
export function negate(value: Value): Value {
  if (value instanceof Undefined) throw value.error();
  const number = toNumber(value);
  if (number === undefined) throw new TemplateError(`bad operand type for unary -: '${typeName(value)}'`);
  if (number instanceof PythonFloat) return new PythonFloat(-number.value);
  return typeof number === "bigint" ? toInteger(-number) : 0 - number;
}

function computeNumbers(operator: ArithmeticOperator, a: AnyNumber, b: AnyNumber): Value {
  if (operator === "/") return new PythonFloat(finite(toDouble(a) / toDouble(nonZero(b))));
  if (operator === "**") return power(a, b);
  return isInteger(a) && isInteger(b)
    ? computeIntegers(operator, a, b)
    : computeFloats(operator, toDouble(a), toDouble(b));
}

function computeIntegers(operator: "+" | "-" | "*" | "//" | "%", a: Integer, b: Integer): Integer {
  switch (operator) {
    case "+":
      return integerOf(Number(a) + Number(b), () => BigInt(a) + BigInt(b));
    case "-":
      return integerOf(Number(a) - Number(b), () => BigInt(a) - BigInt(b));
    case "*":
      assertBits(bitsOf(a) + bitsOf(b));
      return integerOf(Number(a) * Number(b), () => BigInt(a) * BigInt(b));
    case "//":
      nonZero(b);
      return toInteger(floorDivide(BigInt(a), BigInt(b)));
    case "%":
      nonZero(b);
      return toInteger(BigInt(a) - floorDivide(BigInt(a), BigInt(b)) * BigInt(b));
  }
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function computeFloats(operator: "+" | "-" | "*" | "//" | "%", a: number, b: number): PythonFloat {
  switch (operator) {
    case "+":
      return new PythonFloat(a + b);
    case "-":
      return new PythonFloat(a - b);
    case "*":
      return new PythonFloat(a * b);
    case "//":
      nonZero(b);
      return new PythonFloat(floorQuotient(a, b));
    case "%":
      nonZero(b);
      return new PythonFloat(remainder(a, b));
  }
}

function floorQuotient(a: number, b: number): number {
  const quotient = Math.floor((a - remainder(a, b)) / b + 0.5);
  return quotient === 0 && a / b <= 0 && (a / b < 0 || Object.is(a / b, -0)) ? -0 : quotient;
}

/** Python's `%` of floats: has the divisor's sign. */
function remainder(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

function nonZero<Divisor extends AnyNumber>(divisor: Divisor): Divisor {
  if (toDouble(divisor) === 0) throw new TemplateError("division by zero");
  return divisor;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) {
    throw new TemplateError("expected a finite number, got a result that is too large");
  }
  return value;
}

function power(a: AnyNumber, b: AnyNumber): Value {
  if (isInteger(a) && isInteger(b) && b >= 0) {
    const size = a === 0 || a === 1 || a === -1 ? 1 : bitsOf(a) * Number(b);
    assertBits(size);
    const exponent = size === 1 ? BigInt(b) % 2n || (b === 0 ? 0n : 2n) : BigInt(b);
    return toInteger(BigInt(a) ** exponent);
  }
  const [base, exponent] = [toDouble(a), toDouble(b)];
  if (base === 0 && exponent < 0) throw new TemplateError("0 cannot be raised to a negative power");
  if (base < 0 && !Number.isInteger(exponent)) {
    throw new TemplateError("expected a real power, got a complex one");
  }
  return new PythonFloat(finite(base ** exponent));
}

function add(left: Value, right: Value, budget: Budget): Value | undefined {
  if (typeof left === "string" && typeof right === "string") {
    // Only the shorter text counts: V8 concatenates without a copy.
    budget.makeText(Math.min(left.length, right.length));
    if (left.length + right.length > 2 ** 20) budget.makeText(left.length + right.length);
    return left + right;
  }
  if (isList(left) && isList(right)) {
    budget.copyItems(left.length + right.length);
    return [...left, ...right];
  }
  if (left instanceof Tuple && right instanceof Tuple) {
    budget.copyItems(left.items.length + right.items.length);
    return new Tuple([...left.items, ...right.items]);
  }
  return undefined;
}

/** Repeats a string, a list or a tuple. */
function repeat(left: Value, right: Value, budget: Budget): Value | undefined {
  const [repeated, times] = toNumber(left) === undefined ? [left, toNumber(right)] : [right, toNumber(left)];
  if (times === undefined || times instanceof PythonFloat) return undefined;
  const count = Math.max(0, Number(times));
  if (typeof repeated === "string") {
    if (repeated === "") return "";
    budget.makeText(repeated.length * count);
    return repeated.repeat(count);
  }
  const items = isList(repeated) ? repeated : repeated instanceof Tuple ? repeated.items : undefined;
  if (items === undefined) return undefined;
  if (items.length > 0) budget.copyItems(items.length * count);
  const all = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return isList(repeated) ? all : new Tuple(all);
}
