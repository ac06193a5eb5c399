// Writes WebAssembly in expressions: JavaScript has no instructions for several numbers at once, and quantizing waits
// for arithmetic. @see https://webassembly.github.io/spec/core/binary/

/** Instructions. */
export type Code = readonly number[];

/** What a local or a parameter holds. */
export type ValueType = "i32" | "f32" | "v128";

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const noResult = 0x40;

function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const isLast = value >= -64 && value < 64;
  return isLast ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}

const floatBytes = (value: number): Code => [...new Uint8Array(Float32Array.of(value).buffer)];

type Operator = (...operands: readonly Code[]) => Code;

const operator =
  (...instruction: Code): Operator =>
  (...operands) => [...operands.flat(), ...instruction];
const vector = (instruction: number): Operator => operator(0xfd, ...unsigned(instruction));
/** A load or a store, at a constant distance from the address. */
type Access = (offset: number, ...operands: readonly Code[]) => Code;
const access =
  (...instruction: Code): Access =>
  (offset, ...operands) => [
    ...operands.flat(),
    ...instruction,
    // No alignment is promised.
    0,
    ...unsigned(offset),
  ];

type Operators<Names extends string> = Readonly<Record<Names, Operator>>;
type Accesses<Names extends string> = Readonly<Record<Names, Access>>;
type Constant = (value: number) => Code;
type Lanes = readonly [number, number, number, number];

export const i32: Operators<"add" | "isLess"> & Accesses<"store8"> & { readonly const: Constant } = {
  const: (value) => [0x41, ...signed(value)],
  add: operator(0x6a),
  isLess: operator(0x49),
  store8: access(0x3a),
};

export const f32: Operators<
  "add" | "subtract" | "negate" | "multiply" | "divide" | "isGreater" | "ofBits" | "toInteger" | "select"
> &
  Accesses<"store"> & { readonly const: Constant } = {
  const: (value) => [0x43, ...floatBytes(value)],
  store: access(0x38),
  negate: operator(0x8c),
  add: operator(0x92),
  subtract: operator(0x93),
  multiply: operator(0x94),
  divide: operator(0x95),
  isGreater: operator(0x5e),
  ofBits: operator(0xbe),
  /** Of NaN 0. */
  toInteger: operator(0xfc, 0x00),
  /** The first where the last is not 0. */
  select: operator(0x1b),
};

/** 128 bits. */
export const v128: Operators<"and" | "or" | "xor"> &
  Accesses<"load" | "load16x4" | "store"> & {
    readonly const: Constant;
    readonly constLanes: (lanes: Lanes) => Code;
    readonly shuffle: (value: Code, lanes: Lanes) => Code;
  } = {
  load: access(0xfd, 0x00),
  /** Four unsigned integers of 16 bits as integers of 32. */
  load16x4: access(0xfd, 0x04),
  store: access(0xfd, 0x0b),
  /** The same 32 bits four times. */
  const: (bits) => v128.constLanes([bits, bits, bits, bits]),
  constLanes: (lanes) => [0xfd, 0x0c, ...new Uint8Array(Uint32Array.from(lanes).buffer)],
  and: vector(0x4e),
  or: vector(0x50),
  xor: vector(0x51),
  /** Lanes of 32 bits in another order. */
  shuffle: (value, lanes) =>
    value.concat(value, [0xfd, 0x0d], ...lanes.map((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))),
};

export const i8x16: Operators<"splat" | "narrow" | "narrowUnsigned"> = {
  splat: vector(0x0f),
  narrow: vector(0x65),
  narrowUnsigned: vector(0x66),
};

export const i16x8: Operators<"narrow"> = { narrow: vector(0x85) };

export const i32x4: Operators<"isGreater" | "shiftLeft" | "shiftRight" | "subtract" | "max"> & {
  readonly lane: (value: Code, lane: number) => Code;
} = {
  lane: (value, lane) => [...value, 0xfd, 0x1b, lane],
  isGreater: vector(0x3b),
  shiftLeft: vector(0xab),
  shiftRight: vector(0xad),
  subtract: vector(0xb1),
  max: vector(0xb8),
};

export const f32x4: Operators<"splat" | "add" | "subtract" | "multiply" | "least" | "largest"> & {
  readonly const: Constant;
  readonly lane: (value: Code, lane: number) => Code;
} = {
  lane: (value, lane) => [...value, 0xfd, 0x1f, lane],
  const: (value) => v128.const(new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0),
  splat: vector(0x13),
  add: vector(0xe4),
  subtract: vector(0xe5),
  multiply: vector(0xe6),
  least: vector(0xea),
  largest: vector(0xeb),
};

/** A variable of a function. */
export interface Local {
  readonly get: Code;
  readonly set: (value: Code) => Code;
}

/** Does something as long as the condition holds, at least once. */
export function repeat(body: readonly Code[], condition: Code): Code {
  return [0x03, noResult, ...body.flat(), ...condition, 0x0d, 0, 0x0b];
}

/** A function without a result. */
export class FunctionWriter {
  readonly parameters: readonly Local[];
  readonly #parameterTypes: readonly ValueType[];
  readonly #localTypes: ValueType[] = [];
  readonly #code: number[] = [];

  constructor(...parameterTypes: readonly ValueType[]) {
    this.#parameterTypes = parameterTypes;
    this.parameters = parameterTypes.map((_type, index) => localAt(index));
  }

  local(type: ValueType): Local {
    this.#localTypes.push(type);
    return localAt(this.#parameterTypes.length + this.#localTypes.length - 1);
  }

  write(...code: readonly Code[]): this {
    for (const each of code) this.#code.push(...each);
    return this;
  }

  get signature(): Code {
    return [0x60, ...list(this.#parameterTypes.map((type) => [typeCodes[type]])), 0];
  }

  get body(): Code {
    const locals = this.#localTypes.map((type) => [1, typeCodes[type]]);
    return sized([...list(locals), ...this.#code, 0x0b]);
  }
}

function localAt(index: number): Local {
  return {
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
  };
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(code: Code): Code {
  return [...unsigned(code.length), ...code];
}

/** The name of the format, and its version. */
const fileStart = [...Buffer.from("\0asm"), 1, 0, 0, 0];

/** Writes a module that exports functions and the memory that they work on. */
export function writeModule(functions: Readonly<Record<string, FunctionWriter>>): Uint8Array {
  const written = Object.values(functions);
  const exported = (name: string, kind: number, index: number): Code => [
    ...sized([...Buffer.from(name)]),
    kind,
    ...unsigned(index),
  ];
  const exports = [
    exported("memory", 2, 0),
    ...Object.keys(functions).map((name, index) => exported(name, 0, index)),
  ];
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(list(items))];
  return Uint8Array.from([
    ...fileStart,
    ...section(
      1,
      written.map(({ signature }) => signature),
    ),
    ...section(
      3,
      written.map((_each, index) => unsigned(index)),
    ),
    ...section(5, [[0, 1]]),
    ...section(7, exports),
    ...section(
      10,
      written.map(({ body }) => body),
    ),
  ]);
}
