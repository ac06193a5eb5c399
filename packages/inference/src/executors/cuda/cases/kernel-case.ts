import type { KernelManifest, LaunchSize } from "@infernode/memory/cuda";

/** What a kernel of a case reads. */
export type CaseNumbers =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Uint16Array
  | Uint8Array
  | Int8Array;

/** How a kernel stores what it computes. */
export type OutputType = "float32" | "bfloat16" | "float16" | "int8" | "int32";

/** An array that a kernel writes. */
export interface CaseOutput {
  readonly kind: "output";
  readonly type: OutputType;
  readonly length: number;
  /** What is there before; NaN or −1 else. */
  readonly initial: CaseNumbers | undefined;
  /** Largest difference from the stored values, as a share of the largest of them. */
  readonly tolerance: number;
}

/** The parts of a matrix, as `matrix.cuh` lists them. */
export interface CaseMatrix {
  readonly data?: CaseNumbers;
  readonly scales?: CaseNumbers;
  readonly zeroPoints?: CaseNumbers;
  readonly minima?: CaseNumbers;
  readonly order?: CaseNumbers;
  readonly bias?: CaseNumbers;
}

/** An argument of a kernel: a number, an array, a table of one matrix, or `undefined` for no address. */
export type CaseArgument =
  | number
  | undefined
  | { readonly kind: "input"; readonly numbers: CaseNumbers }
  | { readonly kind: "matrix"; readonly matrix: CaseMatrix }
  | CaseOutput;

/** One launch of a kernel with the same numbers each time. */
export interface KernelCase {
  readonly manifest: KernelManifest;
  readonly entry: string;
  readonly grid: LaunchSize;
  readonly block: LaunchSize;
  /** [0] */
  readonly sharedBytes?: number;
  readonly args: readonly CaseArgument[];
}

/** Rounding of the type; float32 of sums in another order, and of the hardware's approximations. */
const toleranceOf: Readonly<Record<OutputType, number>> = {
  float32: 2e-5,
  bfloat16: 2 ** -7,
  float16: 2 ** -10,
  int8: 2 ** -6,
  // The stored digits.
  int32: 1e-6,
};

export function input(numbers: CaseNumbers): CaseArgument {
  return { kind: "input", numbers };
}

export function integers(...numbers: number[]): CaseArgument {
  return input(Int32Array.from(numbers));
}

export function matrix(parts: CaseMatrix): CaseArgument {
  return { kind: "matrix", matrix: parts };
}

/** An array that is written whole, or in part where there are numbers before. */
export function output(
  type: OutputType,
  length: number,
  { initial, tolerance = toleranceOf[type] }: Partial<Pick<CaseOutput, "initial" | "tolerance">> = {},
): CaseOutput {
  return { kind: "output", type, length, initial, tolerance };
}

/** The name of a kernel among those of all modules. */
export function caseName({ manifest, entry }: Pick<KernelCase, "manifest" | "entry">): string {
  return `${manifest.module}/${entry}`;
}
