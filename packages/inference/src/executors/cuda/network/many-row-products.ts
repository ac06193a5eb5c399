import { gemm } from "../kernels/manifests/gemm.ts";
import { gemmBlocks } from "../kernels/manifests/gemm-blocks.ts";
import { narrow } from "../kernels/manifests/narrow.ts";
import { sumSplits } from "../kernels/manifests/sum-splits.ts";
import type { ProductRequest } from "./choose-product.ts";
import { areReadByRows, fewRows } from "./few-row-products.ts";
import { addressOf, busyBlocks, countsOf, launchOf, sizeOf } from "./launch.ts";
import type { NarrowType } from "./network-operation.ts";
import {
  type DeviceValue,
  type KernelLaunch,
  type PassShape,
  type ProgramStep,
  rowCount,
  type Variant,
} from "./program.ts";
import { isTileSize, tileSize } from "./expert-tiles.ts";
import { rowTiles } from "./row-tiles.ts";
import type { MatrixEncoding } from "./weight-uses.ts";

const outputsOfBlock = 128;
const columnsOfStep = 32;
const bytesOfNumber = 2;
/** Columns that are worth a split. */
const splitColumns = 512;
const threads = 256;

/** Rows that a block computes, and tiles on their way to it. */
interface RowTile {
  readonly rows: 32 | 64 | 128;
  readonly stages: number;
}

const denseTiles: readonly RowTile[] = [
  { rows: 32, stages: 4 },
  { rows: 64, stages: 3 },
  { rows: 128, stages: 3 },
];
const blockTiles = [
  { rows: 32, stages: 2 },
  { rows: 128, stages: 2 },
] as const;

/**
 * Products of more than 16 rows by tensor cores, of inputs in 16 bits, with weights of 16 bits or in blocks; none with other
 * weights. Where they have few tiles, columns are split.
 */
export function manyRowProducts(request: ProductRequest): readonly Variant[] {
  const { x, matrices } = request;
  if (!areReadByRows(matrices) || x.width % 8 !== 0) return [];
  const { encoding } = matrices[0];
  const all: readonly RowTile[] = encoding.kind === "blocks" ? blockTiles : denseTiles;
  const tiles = all.filter(({ rows }) => request.tiles === undefined || isTileSize(rows));
  const narrowed = request.workspace.narrow(x, narrowTypeOf(encoding));
  return tiles.flatMap((tile) => tileProducts(request, narrowed, tile));
}

/** Writes a value in 16 bits for products of many rows; nothing in passes of few rows. */
export function narrowStep(out: DeviceValue, x: DeviceValue, type: NarrowType): ProgramStep {
  const launch = launchOf(narrow, `narrow_${type}`, {
    grid: (shape) => [Math.ceil(x.width / threads), rowCount(x.rows, shape), 1],
    block: threads,
    operands: [addressOf(out), addressOf(x), ...sizeOf(x)],
  });
  const variants = [
    { fits: (shape: PassShape) => rowCount(x.rows, shape) > fewRows, launches: [launch] },
    { fits: () => true, launches: [] },
  ];
  return { variants, reads: [x], writes: [out] };
}

/** Inputs are of the type of their weights; those of blocks have the range of float32. */
function narrowTypeOf(encoding: MatrixEncoding): NarrowType {
  return encoding.kind === "dense" && encoding.dtype === "f16" ? "f16" : "bf16";
}

/** The ways with a size of tile: with split columns, and whole. */
function tileProducts(
  { out, x, matrices, tiles, workspace }: ProductRequest,
  narrowed: DeviceValue,
  tile: RowTile,
): readonly Variant[] {
  const across = Math.ceil(out.width / outputsOfBlock);
  const most = Math.floor(x.width / splitColumns);
  const { matrixOf, order, countOf: downOf } = rowTiles({ out, tiles }, tile.rows);
  const splitsOf = (shape: PassShape): number =>
    Math.max(1, Math.min(most, Math.floor(busyBlocks / (across * downOf(shape)))));
  const fits = (shape: PassShape): boolean => {
    if (tiles !== undefined) return tileSize(tiles, shape) === tile.rows;
    const rows = rowCount(out.rows, shape);
    return rows > fewRows && (tile.rows === 128 || rows <= tile.rows);
  };
  const product = (target: DeviceValue, splits: (shape: PassShape) => number): KernelLaunch => {
    const geometry = {
      grid: (shape: PassShape) => [across, downOf(shape), splits(shape)] as const,
      block: threads,
      dynamicSharedBytes: tile.stages * (tile.rows + outputsOfBlock) * columnsOfStep * bytesOfNumber,
    };
    const operands = [
      addressOf(target),
      addressOf(narrowed),
      { kind: "matrices", matrices },
      matrixOf,
      order,
      countsOf(out),
      out.rows.factor,
      out.width,
      x.width,
    ] as const;
    const { encoding } = matrices[0];
    if (encoding.kind !== "blocks") {
      return launchOf(gemm, `gemm_${narrowTypeOf(encoding)}_${tile.rows}`, { ...geometry, operands });
    }
    const isFloat32 = 0;
    return launchOf(gemmBlocks, `gemm_q${encoding.bits}_bf16_${tile.rows === 32 ? 32 : 128}`, {
      ...geometry,
      operands: [...operands, Math.log2(encoding.blockSize), isFloat32],
    });
  };
  const whole = { fits, launches: [product(out, () => 1)] };
  const mostTiles = Math.floor(busyBlocks / across);
  if (most < 2 || mostTiles < 2) return [whole];
  const rows = { of: "pass", factor: 1 } as const;
  const parts = workspace.scratch(mostTiles * tile.rows * out.width, rows);
  const sum = launchOf(sumSplits, "sum_splits", {
    grid: (shape) => [Math.ceil(out.width / threads), rowCount(out.rows, shape), 1],
    block: threads,
    operands: [
      addressOf(out),
      addressOf(parts),
      { kind: "matrices", matrices },
      tiles && addressOf(tiles.chosen),
      ...sizeOf(out),
      splitsOf,
    ],
  });
  const split = {
    fits: (shape: PassShape) => fits(shape) && splitsOf(shape) > 1,
    launches: [product(parts, splitsOf), sum],
  };
  return [split, whole];
}
