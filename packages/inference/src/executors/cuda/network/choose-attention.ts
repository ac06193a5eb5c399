import type { AttentionOptions } from "@infernode/models";
import { attention } from "../kernels/manifests/attention.ts";
import { addressOf, launchOf, rowGrid } from "./launch.ts";
import type { AddressOperand, CachePart, DeviceValue, Variant } from "./program.ts";

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
  readonly q: DeviceValue;
  readonly options: AttentionOptions;
  readonly sinks: AddressOperand;
  readonly pages: PageFormat;
}

/** The ways to compute attention, the best ones first. */
export function chooseAttention({
  out,
  q,
  options,
  sinks,
  pages,
}: AttentionRequest): readonly [Variant, ...Variant[]] {
  const {
    layerIndex,
    headCount,
    kvHeadCount,
    headDim,
    scale,
    softCap = 0,
    slidingWindowTokens = 0,
  } = options;
  const geometry = { grid: rowGrid(out.rows, headCount), block: 32 };
  const rest = [
    sinks,
    { kind: "input", name: "positions" },
    { kind: "input", name: "sequences" },
    { kind: "input", name: "blockTables" },
    { kind: "input", name: "tokenCount" },
    pages.tableStride,
    pages.pageTokens,
    kvHeadCount,
    headDim,
    slidingWindowTokens,
    scale,
    softCap,
  ] as const;
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const first = [addressOf(out), addressOf(q), keys, values] as const;
  const launch =
    pages.dtype === "i8"
      ? launchOf(attention, "attention_i8", {
          ...geometry,
          operands: [...first, keyScales, valueScales, ...rest],
        })
      : launchOf(attention, `attention_${pages.dtype}`, { ...geometry, operands: [...first, ...rest] });
  return [{ fits: () => true, launches: [launch] }];
}

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
