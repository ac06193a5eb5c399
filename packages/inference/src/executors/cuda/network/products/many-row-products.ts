import { gemm } from "../../kernels/manifests/gemm.ts";
import { gemmBlocks } from "../../kernels/manifests/gemm-blocks.ts";
import { sumSplits } from "../../kernels/manifests/sum-splits.ts";
import type { ProductOutputs, ProductRequest } from "./choose-product.ts";
import { furtherOutputs, tilesAcross } from "./product-outputs.ts";
import { fewRows } from "./few-row-products.ts";
import { addressOf, busyBlocks, countsOf, launchOf, sizeOf } from "../launch.ts";
import type { NarrowType } from "../network-operation.ts";
import { type DeviceValue, type KernelLaunch, type PassShape, rowCount, type Variant } from "../program.ts";
import { isTileSize, tileSize } from "./expert-tiles.ts";
import { rowTiles } from "./row-tiles.ts";

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
 * Products of more than 16 rows by tensor cores, of inputs in 16 bits, with weights that `narrowTypeOf` names a type for.
 * Where they have few tiles, columns are split.
 */
export function manyRowProducts(request: ProductRequest, type: NarrowType): readonly Variant[] {
  const all: readonly RowTile[] = request.matrices[0].encoding.kind === "blocks" ? blockTiles : denseTiles;
  const tiles = all.filter(({ rows }) => request.tiles === undefined || isTileSize(rows));
  const input = { narrowed: request.workspace.narrow(request.x, type), type };
  return tiles.flatMap((tile) => tileProducts(request, input, tile));
}

/** The ways with a size of tile: with split columns, and whole. */
function tileProducts(
  { outs, x, matrices, tiles, workspace }: ProductRequest,
  { narrowed, type }: { readonly narrowed: DeviceValue; readonly type: NarrowType },
  tile: RowTile,
): readonly Variant[] {
  const [out, out2, out3] = outs;
  const across = tilesAcross(outs, outputsOfBlock);
  const most = Math.floor(x.width / splitColumns);
  const { matrixOf, order, countOf: downOf } = rowTiles({ out, tiles }, tile.rows);
  const splitsOf = (shape: PassShape): number =>
    Math.max(1, Math.min(most, Math.floor(busyBlocks / (across * downOf(shape)))));
  const fits = (shape: PassShape): boolean => {
    if (tile.rows === 128) return true;
    if (tiles !== undefined) return tileSize(tiles, shape) === tile.rows;
    const rows = rowCount(out.rows, shape);
    return rows > fewRows && rows <= tile.rows;
  };
  const product = (targets: ProductOutputs, splits: (shape: PassShape) => number): KernelLaunch => {
    const geometry = {
      grid: (shape: PassShape) => [across, downOf(shape), splits(shape)] as const,
      block: threads,
      dynamicSharedBytes: tile.stages * (tile.rows + outputsOfBlock) * columnsOfStep * bytesOfNumber,
    };
    const further = furtherOutputs(outs, targets);
    const operands = [
      addressOf(targets[0]),
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
      return launchOf(gemm, `gemm_${type}_${tile.rows}`, {
        ...geometry,
        operands: [...operands, ...further],
      });
    }
    const isFloat32 = 0;
    return launchOf(gemmBlocks, `gemm_q${encoding.bits}_bf16_${tile.rows === 32 ? 32 : 128}`, {
      ...geometry,
      operands: [...operands, Math.log2(encoding.blockSize), isFloat32, ...further],
    });
  };
  const whole = { fits, launches: [product(outs, () => 1)] };
  const mostTiles = Math.floor(busyBlocks / across);
  if (most < 2 || mostTiles < 2) return [whole];
  const rows = { of: "pass", factor: 1 } as const;
  const partsOf = ({ width }: DeviceValue): DeviceValue =>
    workspace.scratch(mostTiles * tile.rows * width, rows);
  const [parts, parts2, parts3] = [partsOf(out), out2 && partsOf(out2), out3 && partsOf(out3)];
  const sum = launchOf(sumSplits, "sum_splits", {
    grid: (shape) => [tilesAcross(outs, threads), rowCount(out.rows, shape), 1],
    block: threads,
    operands: [
      addressOf(out),
      addressOf(parts),
      { kind: "matrices", matrices },
      tiles && addressOf(tiles.chosen),
      ...sizeOf(out),
      splitsOf,
      out2 && addressOf(out2),
      parts2 && addressOf(parts2),
      out2?.width ?? 0,
      out3 && addressOf(out3),
      parts3 && addressOf(parts3),
      out3?.width ?? 0,
    ],
  });
  const split = {
    fits: (shape: PassShape) => fits(shape) && splitsOf(shape) > 1,
    launches: [product([parts, parts2, parts3], splitsOf), sum],
  };
  return [split, whole];
}
