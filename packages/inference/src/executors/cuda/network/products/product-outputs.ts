import { addressOf } from "../launch.ts";
import type { AddressOperand } from "../program.ts";
import type { ProductOutputs } from "./choose-product.ts";

/** Tiles of so many outputs that kernels compute: those of each product are its own (`Outputs` of `outputs.cuh`). */
export function tilesAcross(outs: ProductOutputs, size: number): number {
  return outs.reduce((sum, out) => sum + Math.ceil((out?.width ?? 0) / size), 0);
}

/** Where a launch writes its second and its third output, and their widths. */
export function furtherOutputs(
  [, out2, out3]: ProductOutputs,
  [, to2, to3]: ProductOutputs,
): readonly [AddressOperand, number, AddressOperand, number] {
  return [to2 && addressOf(to2), out2?.width ?? 0, to3 && addressOf(to3), out3?.width ?? 0];
}
