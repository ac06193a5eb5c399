import type { AttentionOptions } from "@infernode/models";
import type { NarrowType, Workspace } from "../network-operation.ts";
import type { AddressOperand, CachePart, DeviceValue } from "../program.ts";

/** How keys and values are cached in pages. */
export interface PageFormat {
  /** Pages of `i8` have a scale for each head of each position beside them. */
  readonly dtype: "f32" | "bf16" | "i8";
  readonly pageTokens: number;
  /** Entries in a row of the block tables. */
  readonly tableStride: number;
}

/** Attention of queries, rotated and scaled by position, to the pages of their sequences. */
export interface AttentionRequest {
  readonly out: DeviceValue;
  /** What the numbers of `out` are. */
  readonly outType: NarrowType | "f32";
  readonly q: DeviceValue;
  readonly options: AttentionOptions;
  readonly sinks: AddressOperand;
  readonly pages: PageFormat;
  readonly workspace: Pick<Workspace, "scratch">;
}

/** How kernels call the types of `out`: store-as.cuh. */
export const outTypes: Readonly<Record<AttentionRequest["outType"], number>> = { f32: 0, bf16: 1, f16: 2 };

/** The pages of a layer. */
export function cacheOperands(layerIndex: number): Readonly<Record<CachePart, AddressOperand>> {
  const part = (name: CachePart): AddressOperand => ({ kind: "cache", layerIndex, part: name });
  return {
    keys: part("keys"),
    values: part("values"),
    keyScales: part("keyScales"),
    valueScales: part("valueScales"),
  };
}
