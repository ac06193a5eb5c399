import { gemvMma } from "../../kernels/manifests/gemv-mma.ts";
import { gemvMmaBlocks } from "../../kernels/manifests/gemv-mma-blocks.ts";
import type { ProductRequest } from "./choose-product.ts";
import { furtherOutputs, tilesAcross } from "./product-outputs.ts";
import { fewRows } from "./few-row-products.ts";
import { addressOf, countsOf, launchOf } from "../launch.ts";
import { type KernelLaunch, type PassShape, rowCount, type Variant } from "../program.ts";
import { tileSize } from "./expert-tiles.ts";
import type { NarrowType } from "../network-operation.ts";
import { rowTiles } from "./row-tiles.ts";

const outputsOfBlock = 16;
const lanes = 32;
const rowsAtOnce = [8, 16] as const;
/** Tiles of experts that a kernel for 8 rows computes. */
const fewTileRows = [1, 2, 4, 8] as const;
/** So many warps have enough of the weights on their way. */
const busyWarps = 2048;
const mostWarps = 8;
/** Stages of weights in blocks on their way to a warp, and bytes of a line in each. */
const [stages, stageLineBytes] = [4, 64];

/** Rows that a block computes, by the kernel for 8 or for 16. */
interface BlockRows {
  readonly most: (typeof rowsAtOnce)[number];
  readonly count: number;
}

/**
 * Products of up to 16 rows, and of experts in tiles of up to 8 rows, by tensor cores: of inputs in 16 bits, with weights that
 * `narrowTypeOf` names a type for.
 */
export function fewRowMmaProducts(request: ProductRequest, type: NarrowType): readonly Variant[] {
  const {
    outs: [out],
    tiles,
  } = request;
  if (tiles !== undefined) {
    return fewTileRows.map((count) => ({
      fits: (shape) => tileSize(tiles, shape) === count,
      launches: [fewRowMmaProduct(request, type, { most: 8, count })],
    }));
  }
  return rowsAtOnce.map((most) => ({
    fits: (shape) => rowCount(out.rows, shape) <= Math.min(most, fewRows),
    launches: [fewRowMmaProduct(request, type, { most, count: most })],
  }));
}

function fewRowMmaProduct(
  { outs, x, matrices, tiles, workspace }: ProductRequest,
  type: NarrowType,
  { most, count }: BlockRows,
): KernelLaunch {
  const [{ encoding }] = matrices;
  const [out] = outs;
  const { matrixOf, order, countOf } = rowTiles({ out, tiles }, count);
  const across = tilesAcross(outs, outputsOfBlock);
  const operands = [
    addressOf(out),
    addressOf(workspace.narrow(x, type)),
    { kind: "matrices", matrices },
    matrixOf,
    order,
    countsOf(out),
    out.rows.factor,
    out.width,
    x.width,
    count,
  ] as const;
  const grid = (shape: PassShape) => [across, countOf(shape), 1] as const;
  if (encoding.kind === "blocks") {
    const { bits, blockSize } = encoding;
    const stageColumns = (stageLineBytes * 8) / bits;
    const warps = warpsOf(across, { k: x.width, columns: stages * stageColumns });
    const stageBlocks = Math.max(stages, stageColumns / blockSize);
    const stageBytes = outputsOfBlock * (stageLineBytes + 2 * 4 * stageBlocks);
    return launchOf(gemvMmaBlocks, `gemv_mma_q${bits}_${most}`, {
      grid,
      block: lanes * warps,
      dynamicSharedBytes: warps * stages * stageBytes,
      operands: [...operands, Math.log2(blockSize), ...furtherOutputs(outs, outs)],
    });
  }
  const warps = warpsOf(across, { k: x.width, columns: 256 });
  return launchOf(gemvMma, `gemv_mma_${type}_${most}`, {
    grid,
    block: lanes * warps,
    dynamicSharedBytes: warps * outputsOfBlock * most * 4,
    operands: [...operands, ...furtherOutputs(outs, outs)],
  });
}

/** Warps that share the columns of 16 outputs, each of which has `columns` at least where there are that many. */
function warpsOf(tiles: number, { k, columns }: { readonly k: number; readonly columns: number }): number {
  let warps = 2;
  while (warps < mostWarps && tiles * warps < busyWarps && k >= 2 * warps * columns) warps *= 2;
  return warps;
}
