import type { AttentionOptions, AttentionRotary } from "@infernode/models";
import { rotateAppend } from "../kernels/manifests/rotate-append.ts";
import { cacheOperands, type PageFormat } from "./attention/attention-request.ts";
import { addressOf, launchOf, rowGrid, rowThreads } from "./launch.ts";
import type { AddressOperand, DeviceValue, KernelLaunch } from "./program.ts";

/** Queries, keys and values as they are computed, and where rotated queries go. */
export interface RotateRequest {
  readonly rotated: DeviceValue;
  readonly q: DeviceValue;
  readonly k: DeviceValue;
  readonly v: DeviceValue;
  readonly options: AttentionOptions;
  readonly pages: PageFormat;
}

/** Rotates queries and keys, and appends keys and values to the pages of their sequences. */
export function rotateLaunch({ rotated, q, k, v, options, pages }: RotateRequest): KernelLaunch {
  const { layerIndex, headCount, kvHeadCount, headDim, rotary, queryScaling } = options;
  const { keys, values, keyScales, valueScales } = cacheOperands(layerIndex);
  const geometry = { grid: rowGrid(q.rows, headCount + 2 * kvHeadCount), block: rowThreads(headDim) };
  const targets = [addressOf(rotated), keys, values] as const;
  const rest = [
    addressOf(q),
    addressOf(k),
    addressOf(v),
    ...placeOperands(rotary),
    pages.tableStride,
    pages.pageTokens,
    headCount,
    kvHeadCount,
    headDim,
    rotary?.dim ?? 0,
    rotary?.isInterleaved === true ? 1 : 0,
    queryScaling?.beta ?? 0,
    queryScaling?.originalContextTokens ?? 0,
  ] as const;
  if (pages.dtype === "i8") {
    const operands = [...targets, keyScales, valueScales, ...rest] as const;
    return launchOf(rotateAppend, "rotate_append_i8", { ...geometry, operands });
  }
  return launchOf(rotateAppend, `rotate_append_${pages.dtype}`, {
    ...geometry,
    operands: [...targets, ...rest],
  });
}

type PlaceOperands = readonly [
  cos: AddressOperand,
  sin: AddressOperand,
  ropeRows: AddressOperand,
  positions: AddressOperand,
  sequences: AddressOperand,
  blockTables: AddressOperand,
  tokenCount: AddressOperand,
];

/** Where the rows of a pass are: tables of their rotation (null where nothing rotates), positions, and pages. */
export function placeOperands(rotary: AttentionRotary | undefined): PlaceOperands {
  return [
    rotary && { kind: "rope", index: rotary.index, part: "cos" },
    rotary && { kind: "rope", index: rotary.index, part: "sin" },
    { kind: "input", name: rotary?.isByLength === true ? "ropeRows" : "positions" },
    { kind: "input", name: "positions" },
    { kind: "input", name: "sequences" },
    { kind: "input", name: "blockTables" },
    { kind: "input", name: "tokenCount" },
  ];
}
