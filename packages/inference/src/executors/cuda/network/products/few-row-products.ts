import { gemvBlocks } from "../../kernels/manifests/gemv-blocks.ts";
import { gemv } from "../../kernels/manifests/gemv.ts";
import type { ProductRequest } from "./choose-product.ts";
import { addressOf, countsOf, launchOf } from "../launch.ts";
import { type KernelLaunch, type PassShape, rowCount, type Variant } from "../program.ts";
import { tileSize } from "./expert-tiles.ts";
import { rowTiles } from "./row-tiles.ts";
import type { MatrixEncoding } from "../weight-uses.ts";

/** How many rows a kernel multiplies with weights that it reads once. */
const rowsAtOnce = [1, 2, 4, 8] as const;
/** Few enough rows for kernels that read weights once for 8 or 16 of them. */
export const fewRows = 16;

/**
 * Products of up to 16 rows, 8 at once, and of experts in tiles of up to 8 rows, with weights of 16 bits or in blocks; none
 * with other weights.
 */
export function fewRowProducts(request: ProductRequest): readonly Variant[] {
  const {
    outs: [out],
    matrices,
    tiles,
  } = request;
  if (!areReadByRows(matrices)) return [];
  return rowsAtOnce.map((count) => ({
    fits: (shape) =>
      tiles === undefined
        ? rowCount(out.rows, shape) <= (count === 8 ? fewRows : count)
        : tileSize(tiles, shape) === count,
    launches: [fewRowProduct(request, count)],
  }));
}

/** Whether weights are of 16 bits or in blocks that fast kernels read, stored row by row. */
export function areReadByRows(matrices: ProductRequest["matrices"]): boolean {
  const hasOrder = matrices.some(({ parts: [, , , , columnOrder] }) => columnOrder !== undefined);
  return !hasOrder && isReadByRows(matrices[0].encoding);
}

function isReadByRows(encoding: MatrixEncoding): boolean {
  if (encoding.kind === "dense") return encoding.dtype !== "f32" && !encoding.isTransposed;
  return (
    encoding.kind === "blocks" && encoding.blockSize >= 16 && Number.isInteger(Math.log2(encoding.blockSize))
  );
}

function fewRowProduct(
  { outs: [out], x, matrices, tiles }: ProductRequest,
  count: (typeof rowsAtOnce)[number],
): KernelLaunch {
  // Few outputs have several warps each, so that enough of the weights are on their way.
  const warps = out.width < 2048 ? 4 : out.width < 8192 ? 2 : 1;
  const { matrixOf, order, countOf } = rowTiles({ out, tiles }, count);
  const geometry = {
    grid: (shape: PassShape) => [Math.ceil((out.width * warps) / 4), 1, countOf(shape)] as const,
    block: 128,
  };
  const operands = [
    addressOf(out),
    addressOf(x),
    { kind: "matrices", matrices },
    matrixOf,
    order,
    countsOf(out),
    out.rows.factor,
    out.width,
    x.width,
    warps,
  ] as const;
  const { encoding } = matrices[0];
  if (encoding.kind === "blocks") {
    const isFloat32 = 0;
    return launchOf(gemvBlocks, `gemv_q${encoding.bits}_r${count}`, {
      ...geometry,
      operands: [...operands, Math.log2(encoding.blockSize), isFloat32],
    });
  }
  const type = encoding.kind === "dense" && encoding.dtype === "f16" ? "f16" : "bf16";
  return launchOf(gemv, `gemv_${type}_r${count}`, { ...geometry, operands });
}
