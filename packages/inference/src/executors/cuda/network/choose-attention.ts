import type { AttentionOptions } from "@infernode/models";
import { attention } from "../kernels/manifests/attention.ts";
import { launchOf, rowGrid } from "./launch.ts";
import type { AddressOperand, DeviceValue, Variant } from "./program.ts";

/** How keys and values are cached in pages. */
export interface PageFormat {
  readonly dtype: "f32" | "bf16";
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
  const { layerIndex, headCount, kvHeadCount, headDim, scale, softCap = 0, slidingWindowTokens = 0 } = options;
  const geometry = { grid: rowGrid(out.rows, headCount), block: 32 };
  const launch = launchOf(attention, `attention_${pages.dtype}`, geometry, [
    { kind: "value", value: out },
    { kind: "value", value: q },
    { kind: "cache", layerIndex, part: "keys" },
    { kind: "cache", layerIndex, part: "values" },
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
  ]);
  return [{ fits: () => true, launches: [launch] }];
}
