import type { KernelEntry, KernelManifest } from "@infernode/memory/cuda";
import {
  type AddressOperand,
  type DeviceValue,
  type KernelLaunch,
  type PassShape,
  type RowKind,
  rowCount,
} from "./program.ts";

/** What a parameter of a kernel takes. */
type OperandOf<Parameter> = Parameter extends readonly [string, "address"]
  ? AddressOperand
  : number | ((shape: PassShape) => number);

/** What all parameters of a kernel take, in order. */
export type OperandsOf<Parameters extends KernelEntry["parameters"]> = {
  readonly [Index in keyof Parameters]: OperandOf<Parameters[Index]>;
};

/**
 * So many blocks keep the multiprocessors of a large GPU busy (108 to 160 of them); with fewer, work is split further. It
 * is no number of the device at hand, so that memory is planned without one.
 */
export const busyBlocks = 256;

/** Blocks, and threads of each. */
export interface LaunchGeometry {
  readonly grid: KernelLaunch["grid"];
  /** A number is `[number, 1]`. */
  readonly block: number | readonly [x: number, y: number];
  /** [0] */
  readonly dynamicSharedBytes?: number;
}

/** Describes a launch; operands are checked against the kernel's parameters when it is compiled. */
export function launchOf<Manifest extends KernelManifest, Name extends keyof Manifest["entries"] & string>(
  manifest: Manifest,
  entry: Name,
  details: LaunchGeometry & { readonly operands: OperandsOf<Manifest["entries"][Name]["parameters"]> },
): KernelLaunch {
  const { grid, block, dynamicSharedBytes = 0, operands } = details;
  return {
    kind: "kernel",
    module: manifest.module,
    entry,
    block: typeof block === "number" ? [block, 1] : block,
    dynamicSharedBytes,
    grid,
    operands,
  };
}

/** A block for each row, times `across`. */
export function rowGrid(rows: RowKind, across: number = 1): KernelLaunch["grid"] {
  return (shape: PassShape) => [rowCount(rows, shape), across, 1];
}

/** A block for each row. */
export function perRow({ rows, width }: DeviceValue): LaunchGeometry {
  return { grid: rowGrid(rows), block: rowThreads(width) };
}

/** Threads for so many numbers of a row: whole warps, at most 256. */
export function rowThreads(width: number): number {
  return Math.min(256, 32 * Math.ceil(width / 32));
}

/** The address of a value. */
export function addressOf(value: DeviceValue): AddressOperand {
  return { kind: "value", value };
}

/** Where the number of rows of a value is, but for their factor. */
export function countsOf({ rows }: DeviceValue): AddressOperand {
  return { kind: "input", name: rows.of === "tokens" ? "tokenCount" : "logitCount" };
}

/** Where the number of rows of a value is, their factor, and their width. */
export function sizeOf(value: DeviceValue): readonly [AddressOperand, number, number] {
  return [countsOf(value), value.rows.factor, value.width];
}
