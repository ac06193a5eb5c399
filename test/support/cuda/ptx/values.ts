import type { Instruction, PtxEntry } from "./ptx-module.ts";

/** C++ types of PTX types. */
const cppTypes: Readonly<Record<string, string>> = {
  pred: "u8",
  b8: "u8",
  u8: "u8",
  s8: "i8",
  b16: "u16",
  u16: "u16",
  s16: "i16",
  f16: "u16",
  bf16: "u16",
  b32: "u32",
  u32: "u32",
  s32: "i32",
  f16x2: "u32",
  bf16x2: "u32",
  tf32: "u32",
  b64: "u64",
  u64: "u64",
  s64: "i64",
  f32: "float",
  f64: "double",
};

/** @throws Error for a type that is not known */
export function cppTypeOf(type: string): string {
  const found = cppTypes[type];
  if (found === undefined) throw new Error(`expected a known type, got ".${type}"`);
  return found;
}

export function isType(type: string): boolean {
  return Object.hasOwn(cppTypes, type);
}

/** Registers and symbols of an entry as C++. */
export interface Values {
  readonly entry: PtxEntry;
  /** The C++ variable of a register. */
  readonly variable: (register: string) => string;
  /** An operand as a value of a PTX type. */
  readonly read: (operand: string, type: string) => string;
  /** A statement that sets a register to a value of a PTX type; nothing for the sink `_`. */
  readonly assign: (register: string, type: string, value: string) => string;
  /** An address `[base+offset]` as 64 bits. */
  readonly address: (operand: string) => string;
}

const specials: Readonly<Record<string, string>> = {
  "%laneid": "(B.thread & 31)",
  "%warpid": "(B.thread / 32)",
  "%lanemask_eq": "(1u << (B.thread & 31))",
  "%lanemask_lt": "((1u << (B.thread & 31)) - 1)",
  "%lanemask_le": "(((2ull << (B.thread & 31)) - 1) & ~0u)",
  "%lanemask_gt": "(~(((2ull << (B.thread & 31)) - 1)) & ~0u)",
  "%lanemask_ge": "(~((1u << (B.thread & 31)) - 1))",
};

function special(operand: string): string | undefined {
  const vector = /^%(?<name>tid|ntid|ctaid|nctaid)\.(?<axis>[xyz])$/u.exec(operand)?.groups;
  if (vector !== undefined) return `B.${vector["name"]}.${vector["axis"]}`;
  return specials[operand];
}

function immediate(operand: string, type: string): string | undefined {
  if (/^0[fF][0-9a-fA-F]{8}$/u.test(operand)) {
    const bits = `0x${operand.slice(2)}u`;
    return type === "f32" ? `number(${bits})` : bits;
  }
  if (/^0[dD][0-9a-fA-F]{16}$/u.test(operand)) return `real(0x${operand.slice(2)}ull)`;
  if (!/^-?(?:0[xX][0-9a-fA-F]+|\d+)U?$/u.test(operand)) return undefined;
  const digits = operand.replace("U", "");
  if (type === "f32") return `number((u32)(${digits}))`;
  const suffix = BigInt(digits.replace("-", "")) > 0x7fff_ffff_ffff_ffffn ? "ull" : "ll";
  return `((${cppTypeOf(type)})(${digits}${suffix}))`;
}

/** The name of a register in C++. */
export function fieldOf(register: string): string {
  return `R_${register.slice(1).replaceAll("$", "_")}`;
}

/** `symbols` are the C++ values of names of arrays; `variable` says where registers are. */
export function createValues(
  entry: PtxEntry,
  symbols: ReadonlyMap<string, string>,
  variable: (register: string) => string,
): Values {
  const { registers } = entry;
  const symbol = (operand: string): string | undefined => {
    const parts = /^(?<name>[\w$]+)(?:\s*\+\s*(?<offset>-?\d+))?$/u.exec(operand)?.groups;
    const value = symbols.get(parts?.["name"] ?? "");
    return value === undefined ? undefined : `(${value} + (${parts?.["offset"] ?? "0"}ll))`;
  };
  const read = (operand: string, type: string): string => {
    if (operand.startsWith("!")) return `(!${read(operand.slice(1), type)})`;
    const found = registers.get(operand);
    if (found !== undefined) {
      const name = variable(operand);
      const isFloat = found === "f32" || found === "f64";
      if (type === found) return name;
      if (isFloat && type !== "f32" && type !== "f64") return `((${cppTypeOf(type)})bits(${name}))`;
      if (!isFloat && type === "f32") return `number((u32)${name})`;
      if (!isFloat && type === "f64") return `real((u64)${name})`;
      return `((${cppTypeOf(type)})${name})`;
    }
    const value = special(operand) ?? immediate(operand, type) ?? symbol(operand);
    if (value === undefined) throw new Error(`expected a register, number or array, got "${operand}"`);
    return value;
  };
  return {
    entry,
    variable,
    read,
    assign(register, type, value) {
      if (register === "_") return "";
      const found = registers.get(register);
      if (found === undefined) throw new Error(`expected a register, got "${register}"`);
      const name = variable(register);
      const isFloat = found === "f32" || found === "f64";
      if (isFloat === (type === "f32" || type === "f64")) return `${name} = ${value};`;
      if (isFloat) {
        return found === "f32" ? `${name} = number((u32)(${value}));` : `${name} = real((u64)(${value}));`;
      }
      return `${name} = bits(${value});`;
    },
    address(operand) {
      const inner = operand.replace(/^\[/u, "").replace(/\]$/u, "").trim();
      const parts = /^(?<base>[%\w$]+)\s*(?:\+\s*(?<offset>-?\d+))?$/u.exec(inner)?.groups;
      if (parts === undefined) throw new Error(`expected an address, got "${operand}"`);
      return `((u64)${read(parts["base"] ?? "", "u64")} + (u64)(${parts["offset"] ?? "0"}ll))`;
    },
  };
}

/** Writes the C++ of one instruction; undefined where it does not know the instruction. */
export type Writer = (instruction: Instruction, values: Values) => string | undefined;
