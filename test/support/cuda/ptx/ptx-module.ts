/** The parts of a PTX module that the translator reads. */
export interface PtxModule {
  readonly entries: readonly PtxEntry[];
  /** Initialized arrays in global or constant memory. */
  readonly constants: readonly PtxConstant[];
}

export interface PtxConstant {
  readonly name: string;
  readonly elementType: string;
  readonly count: number;
  readonly values: readonly string[];
}

export interface SharedArray {
  readonly name: string;
  readonly alignBytes: number;
  /** Undefined for dynamic shared memory. */
  readonly sizeBytes: number | undefined;
}

export interface PtxEntry {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly maxThreads: number;
  readonly shared: readonly SharedArray[];
  /** Arrays in the thread's own memory. */
  readonly local: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Type of each register, such as `f32`, by its name. */
  readonly registers: ReadonlyMap<string, string>;
  readonly statements: readonly Statement[];
}

export type Statement = { readonly label: string } | Instruction;

export interface Instruction {
  /** The predicate of `@p` or `@!p`. */
  readonly guard: { readonly register: string; readonly isNegated: boolean } | undefined;
  /** Such as `ld.global.v4.f32`. */
  readonly opcode: string;
  /** The opcode's parts. */
  readonly parts: readonly string[];
  /** Registers are `%name`, unique in the entry; vectors are `{%a, %b}`. */
  readonly operands: readonly string[];
  /** In the text of the module, from 1 on. */
  readonly line: number;
}

/** Returns the elements of `{a, b}`, or the operand itself. */
export function elementsOf(operand: string): readonly string[] {
  if (!operand.startsWith("{")) return [operand];
  return operand
    .slice(1, -1)
    .split(",")
    .map((element) => element.trim());
}

/** All registers that a text names. */
export function registersIn(text: string, registers: ReadonlyMap<string, string>): readonly string[] {
  return (text.match(/%[\w$]+/gu) ?? []).filter((name) => registers.has(name));
}
