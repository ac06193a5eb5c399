import type { Instruction } from "./ptx-module.ts";
import { cppTypeOf, isType, type Values, type Writer } from "./values.ts";

const isFloat = (type: string): boolean => type === "f32" || type === "f64";
const isSmallFloat = (type: string): boolean => /^b?f16(?:x2)?$/u.test(type);

/** Calls a function of the runtime with all operands of one type. */
const call =
  (name: string): Writer =>
  ({ parts, operands: [to = "", ...from] }, { assign, read }) => {
    const type = parts.at(-1) ?? "";
    return assign(
      to,
      type,
      `${name}<${cppTypeOf(type)}>(${from.map((operand) => read(operand, type)).join(", ")})`,
    );
  };

/** Arithmetic of numbers of 16 bits: computed in float32 and rounded. */
function writeSmall(name: string, { parts, operands }: Instruction, { assign, read }: Values): string {
  const type = parts.at(-1) ?? "";
  const [to = "", ...from] = operands;
  const number = type.startsWith("bf16") ? "Bf16" : "F16";
  const pair = type.endsWith("x2") ? "pair" : "single";
  return assign(
    to,
    type,
    `${pair}_${name}<${number}>(${from.map((operand) => read(operand, type)).join(", ")})`,
  );
}

const binary =
  (operator: string, name: string): Writer =>
  (instruction, values) => {
    const { parts, operands } = instruction;
    const [to = "", a = "", b = ""] = operands;
    const type = parts.at(-1) ?? "";
    if (parts.includes("cc")) return undefined;
    if (isSmallFloat(type)) return writeSmall(name, instruction, values);
    const result = `${values.read(a, type)} ${operator} ${values.read(b, type)}`;
    const value = isFloat(type) ? result : `(${cppTypeOf(type)})(${result})`;
    return values.assign(to, type, parts.includes("sat") ? `saturate(${value})` : value);
  };

const unsigned = (type: string): string => cppTypeOf(type.replace("s", "u"));

/** `mul` and `mad`, of floats, or of integers: low or high half, or twice as wide. */
const multiply: Writer = (instruction, values) => {
  const { parts, operands } = instruction;
  const { assign, read } = values;
  const [to = "", a = "", b = "", c] = operands;
  const type = parts.at(-1) ?? "";
  if (parts.includes("cc")) return undefined;
  if (isSmallFloat(type)) return writeSmall("mul", instruction, values);
  const [x, y] = [read(a, type), read(b, type)];
  if (isFloat(type)) {
    if (c !== undefined) return assign(to, type, `std::fma(${x}, ${y}, ${read(c, type)})`);
    return assign(to, type, parts.includes("sat") ? `saturate(${x} * ${y})` : `${x} * ${y}`);
  }
  const wide = `${type.charAt(0)}${Number(type.slice(1)) * 2}`;
  if (parts.includes("wide")) {
    const product = `(${cppTypeOf(wide)})${x} * (${cppTypeOf(wide)})${y}`;
    return assign(to, wide, c === undefined ? product : `${product} + ${read(c, wide)}`);
  }
  const product = parts.includes("hi")
    ? `multiply_high<${cppTypeOf(type)}>(${x}, ${y})`
    : `(${cppTypeOf(type)})((${unsigned(type)})${x} * (${unsigned(type)})${y})`;
  return assign(to, type, c === undefined ? product : `(${cppTypeOf(type)})(${product} + ${read(c, type)})`);
};

const fusedMultiply: Writer = (instruction, values) => {
  const { parts, operands } = instruction;
  const [to = "", a = "", b = "", c = ""] = operands;
  const type = parts.at(-1) ?? "";
  if (isSmallFloat(type)) return parts.includes("relu") ? undefined : writeSmall("fma", instruction, values);
  const value = `std::fma(${values.read(a, type)}, ${values.read(b, type)}, ${values.read(c, type)})`;
  return values.assign(to, type, parts.includes("sat") ? `saturate(${value})` : value);
};

const extreme =
  (name: "min" | "max"): Writer =>
  (instruction, values) => {
    const { parts, operands } = instruction;
    const [to = "", a = "", b = ""] = operands;
    const type = parts.at(-1) ?? "";
    if (isSmallFloat(type)) return parts.includes("NaN") ? undefined : writeSmall(name, instruction, values);
    const [x, y] = [values.read(a, type), values.read(b, type)];
    if (!isFloat(type)) return values.assign(to, type, `std::${name}<${cppTypeOf(type)}>(${x}, ${y})`);
    return values.assign(
      to,
      type,
      parts.includes("NaN") ? `${name}_or_nan(${x}, ${y})` : `std::f${name}(${x}, ${y})`,
    );
  };

const unary =
  (float: string, integer: string): Writer =>
  (instruction, values) => {
    const { parts, operands } = instruction;
    const [to = "", from = ""] = operands;
    const type = parts.at(-1) ?? "";
    if (isSmallFloat(type)) return writeSmall(parts[0] ?? "", instruction, values);
    const x = values.read(from, type);
    return values.assign(to, type, isFloat(type) ? `${float}(${x})` : `(${cppTypeOf(type)})${integer}(${x})`);
  };

const bitwise =
  (operator: string): Writer =>
  ({ parts, operands: [to = "", a = "", b = ""] }, { assign, read }) => {
    const type = parts.at(-1) ?? "";
    return assign(to, type, `(${cppTypeOf(type)})(${read(a, type)} ${operator} ${read(b, type)})`);
  };

const shift =
  (name: string): Writer =>
  ({ parts, operands: [to = "", a = "", b = ""] }, { assign, read }) => {
    const type = parts.at(-1) ?? "";
    return assign(to, type, `${name}<${cppTypeOf(type)}>(${read(a, type)}, ${read(b, "u32")})`);
  };

/** An instruction on float32 that the hardware approximates. */
const approximate =
  (expression: (x: string) => string): Writer =>
  ({ parts, operands: [to = "", from = ""] }, { assign, read }) => {
    const type = parts.at(-1) ?? "";
    return isFloat(type) ? assign(to, type, expression(read(from, type))) : undefined;
  };

/** Fixed types of operands after the first, which has the type of the instruction. */
const fixed =
  (name: string, to: string, from: readonly string[]): Writer =>
  ({ operands: [target = "", ...rest] }, { assign, read }) =>
    assign(
      target,
      to,
      `${name}(${rest.map((operand, index) => read(operand, from[index] ?? "u32")).join(", ")})`,
    );

const funnelShift: Writer = (
  { parts, operands: [to = "", low = "", high = "", by = ""] },
  { assign, read },
) =>
  assign(
    to,
    "b32",
    `funnel_shift_${parts[1] ?? ""}(${read(low, "u32")}, ${read(high, "u32")}, ${read(by, "u32")}, ${parts.includes("clamp")})`,
  );

const dotBytes: Writer = ({ parts, operands: [to = "", a = "", b = "", c = ""] }, { assign, read }) => {
  const [, left = "", right = ""] = parts;
  const byte = (type: string): string => (type === "s32" ? "i8" : "u8");
  return assign(
    to,
    "s32",
    `dot_bytes<${byte(left)}, ${byte(right)}>(${read(a, "u32")}, ${read(b, "u32")}, ${read(c, "s32")})`,
  );
};

const bitField: Writer = (
  { parts, operands: [to = "", a = "", position = "", length = ""] },
  { assign, read },
) => {
  const type = parts.at(-1) ?? "";
  return assign(
    to,
    type,
    `bit_extract<${cppTypeOf(type)}>(${read(a, type)}, ${read(position, "u32")}, ${read(length, "u32")})`,
  );
};

const divide =
  (operator: "/" | "%"): Writer =>
  ({ parts, operands: [to = "", a = "", b = ""] }, { assign, read }) => {
    const type = parts.at(-1) ?? "";
    if (isSmallFloat(type)) return undefined;
    if (isFloat(type)) return assign(to, type, `${read(a, type)} / ${read(b, type)}`);
    const name = operator === "/" ? "divide" : "remainder_of";
    return assign(to, type, `${name}<${cppTypeOf(type)}>(${read(a, type)}, ${read(b, type)})`);
  };

const select: Writer = ({ parts, operands: [to = "", a = "", b = "", p = ""] }, { assign, read }) => {
  const type = parts.at(-1) ?? "";
  return isType(type)
    ? assign(to, type, `${read(p, "pred")} ? ${read(a, type)} : ${read(b, type)}`)
    : undefined;
};

/** Arithmetic by the first part of the opcode. */
export const arithmeticWriters: Readonly<Record<string, Writer>> = {
  add: binary("+", "add"),
  sub: binary("-", "sub"),
  mul: multiply,
  mad: multiply,
  fma: fusedMultiply,
  div: divide("/"),
  rem: divide("%"),
  min: extreme("min"),
  max: extreme("max"),
  neg: unary("-", "-"),
  abs: unary("std::fabs", "magnitude"),
  and: bitwise("&"),
  or: bitwise("|"),
  xor: bitwise("^"),
  not: ({ parts, operands: [to = "", from = ""] }, { assign, read }) => {
    const type = parts.at(-1) ?? "";
    return assign(
      to,
      type,
      type === "pred" ? `!${read(from, type)}` : `(${cppTypeOf(type)})~${read(from, type)}`,
    );
  },
  shl: shift("shift_left"),
  shr: shift("shift_right"),
  shf: funnelShift,
  bfe: bitField,
  bfi: fixed("bit_insert", "b32", ["b32", "b32", "u32", "u32"]),
  prmt: ({ parts, ...rest }, values) =>
    parts.length === 2
      ? fixed("permute", "b32", ["b32", "b32", "b32"])({ parts, ...rest }, values)
      : undefined,
  lop3: fixed("logic3", "b32", ["b32", "b32", "b32", "u32"]),
  popc: ({ parts, operands: [to = "", from = ""] }, { assign, read }) =>
    assign(to, "u32", `(u32)__builtin_popcountll(${read(from, parts.at(-1) ?? "")})`),
  clz: ({ parts, operands: [to = "", from = ""] }, { assign, read }) =>
    assign(to, "u32", `leading_zeros(${read(from, parts.at(-1) ?? "")})`),
  brev: call("bit_reverse"),
  dp4a: dotBytes,
  selp: select,
  ex2: approximate((x) => `std::exp2(${x})`),
  lg2: approximate((x) => `std::log2(${x})`),
  sin: approximate((x) => `std::sin(${x})`),
  cos: approximate((x) => `std::cos(${x})`),
  tanh: approximate((x) => `std::tanh(${x})`),
  rcp: approximate((x) => `1 / ${x}`),
  sqrt: approximate((x) => `std::sqrt(${x})`),
  rsqrt: approximate((x) => `1 / std::sqrt(${x})`),
};
