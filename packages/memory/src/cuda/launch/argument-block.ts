import { invalidArgument } from "../../assert-argument.ts";
import { addressOfBuffer } from "../driver/foreign-library.ts";
import type { KernelArgumentType, KernelEntry } from "./kernel-manifest.ts";

/** The arguments of one kernel in native memory, written again for each launch. */
export interface ArgumentBlock {
  /** One pointer for each argument, for `cuLaunchKernel`. */
  readonly pointers: BigUint64Array;
  /** @throws MemoryError `INVALID_ARGUMENT` for a wrong count, type or range */
  write(values: readonly (number | bigint)[]): void;
}

const slotBytes = 8;

/** What an argument must be, for errors. */
const expected: Readonly<Record<KernelArgumentType, string>> = {
  address: "an address as a bigint",
  int32: "an integer of 32 bits",
  uint32: "an unsigned integer of 32 bits",
  int64: "an integer of 64 bits",
  float32: "a number",
};

/** Writes one value; returns whether it has the type and is in range. */
const writers: Readonly<
  Record<KernelArgumentType, (view: DataView, at: number, value: number | bigint) => boolean>
> = {
  address(view, at, value) {
    if (typeof value !== "bigint" || value < 0n) return false;
    view.setBigUint64(at, value, true);
    return true;
  },
  int32(view, at, value) {
    if (typeof value !== "number" || (value | 0) !== value) return false;
    view.setInt32(at, value, true);
    return true;
  },
  uint32(view, at, value) {
    if (typeof value !== "number" || value >>> 0 !== value) return false;
    view.setUint32(at, value, true);
    return true;
  },
  int64(view, at, value) {
    if (typeof value === "number" && !Number.isSafeInteger(value)) return false;
    const wide = BigInt(value);
    if (BigInt.asIntN(64, wide) !== wide) return false;
    view.setBigInt64(at, wide, true);
    return true;
  },
  float32(view, at, value) {
    if (typeof value !== "number") return false;
    view.setFloat32(at, value, true);
    return true;
  },
};

/** Creates the block of a kernel; `kernel` names it in errors. */
export function createArgumentBlock(kernel: string, parameters: KernelEntry["parameters"]): ArgumentBlock {
  const values = new ArrayBuffer(Math.max(1, parameters.length) * slotBytes);
  const view = new DataView(values);
  const base = addressOfBuffer(values);
  const pointers = BigUint64Array.from(parameters, (_, index) => base + BigInt(index * slotBytes));
  return {
    pointers,
    write(given) {
      if (given.length !== parameters.length) {
        throw invalidArgument(kernel, `${parameters.length} arguments`, given.length);
      }
      for (let index = 0; index < parameters.length; index += 1) {
        const [name, type] = parameters[index] as (typeof parameters)[number];
        const value = given[index] as number | bigint;
        if (!writers[type](view, index * slotBytes, value)) {
          throw invalidArgument(`${kernel}: ${name}`, expected[type], value);
        }
      }
    },
  };
}
