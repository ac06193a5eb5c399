import { product } from "../kernels/manifests/product.ts";
import { fewRowProducts } from "./few-row-products.ts";
import { manyRowProducts } from "./many-row-products.ts";
import { addressOf, countsOf, launchOf } from "./launch.ts";
import { rowTiles } from "./row-tiles.ts";
import { type DeviceValue, type KernelLaunch, type PassShape, rowCount, type Variant } from "./program.ts";
import { type ExpertTiles, tileSize } from "./expert-tiles.ts";
import type { Workspace } from "./network-operation.ts";
import type { MatrixWeight } from "./weight-uses.ts";

/** A product of rows and a matrix: `out = x · weightᵀ + bias`. */
export interface ProductRequest {
  readonly out: DeviceValue;
  readonly x: DeviceValue;
  /** The matrix of all rows; or those of experts, encoded alike. */
  readonly matrices: readonly [MatrixWeight, ...MatrixWeight[]];
  /** Rows of experts, whose tiles have a matrix each. */
  readonly tiles: ExpertTiles | undefined;
  readonly workspace: Workspace;
  /** Whether inputs of many rows may be rounded to 16 bits. */
  readonly usesTensorCores: boolean;
}

const outputsOfBlock = 32;
const rowsOfBlock = [1, 2, 4, 8, 32] as const;
const mostRows = 32;

/** The ways to compute a product, the best ones first. */
export function chooseProduct(request: ProductRequest): readonly Variant[] {
  const many = request.usesTensorCores ? manyRowProducts(request) : [];
  return [...fewRowProducts(request), ...many, ...simpleProducts(request)];
}

/** The way that always works: one row, or 32 at once; rows of experts in their tiles. */
function simpleProducts(request: ProductRequest): readonly Variant[] {
  const { out, tiles } = request;
  const sizeOf = (shape: PassShape): number =>
    tiles === undefined ? rowCount(out.rows, shape) : tileSize(tiles, shape);
  const few = tiles === undefined ? ([1] as const) : rowsOfBlock.slice(0, -1);
  return [
    ...few.map((rows): Variant => ({
      fits: (shape) => sizeOf(shape) === rows,
      launches: [simpleProduct(request, rows)],
    })),
    { fits: () => true, launches: [simpleProduct(request, mostRows)] },
  ];
}

function simpleProduct({ out, x, matrices, tiles }: ProductRequest, rowsPerBlock: number): KernelLaunch {
  const { matrixOf, order, countOf, blocksOfTile } = rowTiles({ out, tiles }, rowsPerBlock);
  const geometry = {
    grid: (shape: PassShape) => [Math.ceil(out.width / outputsOfBlock), countOf(shape), 1] as const,
    block: [outputsOfBlock, Math.ceil(rowsPerBlock / 4)] as const,
  };
  const { encoding } = matrices[0];
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
    rowsPerBlock,
    blocksOfTile,
  ] as const;
  switch (encoding.kind) {
    case "dense": {
      const isTransposed = encoding.isTransposed ? 1 : 0;
      const details = { ...geometry, operands: [...operands, isTransposed] as const };
      return launchOf(product, `product_${encoding.dtype}`, details);
    }
    case "blocks": {
      const details = { ...geometry, operands: [...operands, encoding.blockSize] as const };
      return launchOf(product, `product_q${encoding.bits}`, details);
    }
    case "rotated":
      return launchOf(product, "product_i8", { ...geometry, operands });
    default:
      return encoding satisfies never;
  }
}
