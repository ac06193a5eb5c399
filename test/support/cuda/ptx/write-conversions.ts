import { cppTypeOf, isType, type Writer } from "./values.ts";
import { elementsOf, type Instruction } from "./ptx-module.ts";
import type { Values } from "./values.ts";

const comparisons: Readonly<Record<string, string>> = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  lo: "<",
  ls: "<=",
  hi: ">",
  hs: ">=",
};

/** A comparison as C++; comparisons of floats are false with NaN, those that end in `u` are true. */
function compare(name: string, type: string, [x, y]: readonly [string, string]): string | undefined {
  const isFloat = type === "f32" || type === "f64";
  if (isFloat && name === "num") return `!unordered(${x}, ${y})`;
  if (isFloat && name === "nan") return `unordered(${x}, ${y})`;
  const isUnordered = isFloat && name.endsWith("u");
  const operator = comparisons[isUnordered ? name.slice(0, -1) : name];
  if (operator === undefined) return undefined;
  const ordered = `(${x} ${operator} ${y})`;
  if (isUnordered) return `(unordered(${x}, ${y}) || ${ordered})`;
  return isFloat && name === "ne" ? `(!unordered(${x}, ${y}) && ${ordered})` : ordered;
}

/** Numbers of 16 bits are compared as float32. */
function comparable(operand: string, type: string, { read }: Values): readonly [string, string] {
  if (type === "f16" || type === "bf16") {
    return [`widen<${type === "f16" ? "F16" : "Bf16"}>(${read(operand, type)})`, "f32"];
  }
  return [read(operand, type), type];
}

const setPredicate: Writer = ({ parts, operands }, values) => {
  const [targets = "", a = "", b = "", c] = operands;
  const [to = "", inverse] = targets.split("|");
  const type = parts.at(-1) ?? "";
  const [x, compared] = comparable(a, type, values);
  const [y] = comparable(b, type, values);
  const result = compare(parts[1] ?? "", compared, [x, y]);
  if (result === undefined || inverse !== undefined) return undefined;
  const joiner = { and: "&", or: "|", xor: "^" }[parts[2] ?? ""];
  if (c === undefined) return values.assign(to, "pred", result);
  if (joiner === undefined) return undefined;
  return values.assign(to, "pred", `${result} ${joiner} ${values.read(c, "pred")}`);
};

const roundings: Readonly<Record<string, string>> = {
  rni: "std::rint",
  rzi: "std::trunc",
  rmi: "std::floor",
  rpi: "std::ceil",
};

const small: Readonly<Record<string, string>> = { f16: "F16", bf16: "Bf16" };

const convert: Writer = (
  { opcode, parts, operands: [to = "", from = "", second = ""] },
  { assign, read },
) => {
  const target = parts.at(-2) ?? "";
  const source = parts.at(-1) ?? "";
  if (!isType(target) || !isType(source) || parts.includes("relu")) return undefined;
  if (target === "f16x2" || target === "bf16x2") {
    const number = target === "f16x2" ? "F16" : "Bf16";
    return source === "f32" && parts.includes("rn")
      ? assign(to, target, `pack<${number}>(${read(second, "f32")}, ${read(from, "f32")})`)
      : undefined;
  }
  if (target === "tf32") {
    return opcode === "cvt.rna.tf32.f32" ? assign(to, "b32", `round_tf32(${read(from, "f32")})`) : undefined;
  }
  const rounding = parts.map((part) => roundings[part]).find((name) => name !== undefined);
  const isFloat = (type: string): boolean => type === "f32" || type === "f64";
  let value = source in small ? `widen<${small[source] ?? ""}>(${read(from, source)})` : read(from, source);
  const isSourceFloat = isFloat(source) || source in small;
  if (rounding !== undefined) value = `${rounding}(${value})`;
  if (target in small) {
    if (!parts.includes("rn") && rounding === undefined) return undefined;
    return assign(to, target, `narrow<${small[target] ?? ""}>((float)${value})`);
  }
  if (isFloat(target)) {
    const wide = `(${cppTypeOf(target)})(${value})`;
    return assign(to, target, parts.includes("sat") ? `saturate(${wide})` : wide);
  }
  if (isSourceFloat) {
    return rounding === undefined
      ? undefined
      : assign(to, target, `to_integer<${cppTypeOf(target)}>(${value})`);
  }
  if (parts.includes("sat")) return assign(to, target, `clamp_integer<${cppTypeOf(target)}>(${value})`);
  return assign(to, target, `(${cppTypeOf(target)})(${value})`);
};

/** The type of one part of a register of `bits`, and the type of the register. */
function partTypes(type: string, count: number): readonly [part: string, whole: string, bits: number] {
  const bits = Number(type.slice(1)) / count;
  return [`u${bits}`, `u${bits * count}`, bits];
}

function writeMove({ parts, operands }: Instruction, { assign, read }: Values): string | undefined {
  const [to = "", from = ""] = operands;
  const type = parts.at(-1) ?? "";
  if (!isType(type)) return undefined;
  if (to.startsWith("{")) {
    const targets = elementsOf(to);
    const [part, whole, bits] = partTypes(type, targets.length);
    const writes = targets.map((target, index) =>
      assign(target, part, `(${part})(whole >> ${bits * index})`),
    );
    return `{ const ${whole} whole = ${read(from, whole)}; ${writes.join(" ")} }`;
  }
  if (from.startsWith("{")) {
    const sources = elementsOf(from);
    const [part, whole, bits] = partTypes(type, sources.length);
    const value = sources
      .map((source, index) => `(${whole})${read(source, part)} << ${bits * index}`)
      .join(" | ");
    return assign(to, whole, `(${whole})(${value})`);
  }
  return assign(to, type, read(from, type));
}

/** Conversions between the generic address space and another one. */
const convertAddress: Writer = ({ parts, operands: [to = "", from = ""] }, { assign, read }) => {
  const value = read(from, "u64");
  if (!parts.includes("shared")) return assign(to, "u64", value);
  return assign(
    to,
    "u64",
    parts.includes("to") ? `${value} - B.shared_base()` : `${value} + B.shared_base()`,
  );
};

/** Conversions, comparisons and moves by the first part of the opcode. */
export const conversionWriters: Readonly<Record<string, Writer>> = {
  mov: writeMove,
  setp: setPredicate,
  cvt: convert,
  cvta: convertAddress,
};
