import { type ExpertTiles, tileCount, tileSize } from "./expert-tiles.ts";
import { addressOf } from "../launch.ts";
import { type AddressOperand, type DeviceValue, type PassShape, rowCount } from "../program.ts";

/** The rows of a product as its kernels read them (`RowTile` of `matrix.cuh`). */
export interface RowTiles {
  /** The matrix of each tile, and the rows of each; null where all have one matrix, and where tiles are neighbours. */
  readonly matrixOf: AddressOperand;
  readonly order: AddressOperand;
  /** Blocks of so many rows. */
  readonly countOf: (shape: PassShape) => number;
  /** Blocks that share a tile of an order. */
  readonly blocksOfTile: (shape: PassShape) => number;
}

/** The rows of a product in blocks of so many; of experts, in passes whose tiles have no fewer. */
export function rowTiles(
  { out, tiles }: { readonly out: DeviceValue; readonly tiles: ExpertTiles | undefined },
  rowsOfBlock: number,
): RowTiles {
  if (tiles === undefined) {
    const countOf = (shape: PassShape): number => Math.ceil(rowCount(out.rows, shape) / rowsOfBlock);
    return { matrixOf: undefined, order: undefined, countOf, blocksOfTile: () => 1 };
  }
  const blocksOfTile = (shape: PassShape): number => tileSize(tiles, shape) / rowsOfBlock;
  return {
    matrixOf: addressOf(rowsOfBlock === 1 ? tiles.chosen : tiles.experts),
    order: rowsOfBlock === 1 ? undefined : addressOf(tiles.order),
    countOf: (shape) => tileCount(tiles, shape) * blocksOfTile(shape),
    blocksOfTile,
  };
}
