import { type DeviceValue, type PassShape, rowCount } from "../program.ts";

/** Rows of one expert that read its weights once. */
type TileSize = (typeof tileSizes)[number];
const tileSizes = [1, 2, 4, 8, 32, 128] as const;
/** Above so many rows of an expert, tiles have 32 rows, or 128. */
const fewRows = 16;
const manyRows = 64;

/**
 * The rows of experts, of which there is one for each pair of a token and an expert, brought together in tiles. All tiles of a
 * pass have the same number of rows; with 1, nothing is brought together.
 */
export interface ExpertTiles {
  readonly expertCount: number;
  /** The expert of each row. */
  readonly chosen: DeviceValue;
  /** The expert of each tile, and the rows of each: as `group_rows` writes them. */
  readonly experts: DeviceValue;
  readonly order: DeviceValue;
}

/**
 * Places of tiles for each row: a tile is less than twice as large as `tileSize` expects an expert to have rows, so that all
 * tiles have less than five times as many places as there are rows.
 */
export const placesOfRow = 5;

/**
 * How many rows a tile has in a pass: as many as the expert of a row has where the others of its token and of all other tokens
 * are chosen evenly.
 */
export function tileSize({ expertCount, chosen }: ExpertTiles, { tokenCount }: PassShape): TileSize {
  const rows = 1 + ((tokenCount - 1) * chosen.rows.factor) / expertCount;
  if (rows > manyRows) return 128;
  if (rows > fewRows) return 32;
  return tileSizes.find((size) => size >= Math.min(rows, 8)) ?? 8;
}

export function isTileSize(rows: number): boolean {
  return tileSizes.some((size) => size === rows);
}

/** How many tiles there can be, whichever experts are chosen: those of an expert are full but for one. */
export function tileCount(tiles: ExpertTiles, shape: PassShape): number {
  const size = tileSize(tiles, shape);
  const rows = rowCount(tiles.chosen.rows, shape);
  return Math.floor((rows + Math.min(tiles.expertCount, rows) * (size - 1)) / size);
}
