import { product } from "../../kernels/manifests/product.ts";
import { fewRowMmaProducts } from "./few-row-mma-products.ts";
import { areReadByRows, fewRowProducts } from "./few-row-products.ts";
import { libraryProducts } from "./library-products.ts";
import { manyRowProducts } from "./many-row-products.ts";
import { addressOf, countsOf, launchOf } from "../launch.ts";
import { rowTiles } from "./row-tiles.ts";
import { type DeviceValue, type KernelLaunch, type PassShape, rowCount, type Variant } from "../program.ts";
import { type ExpertTiles, tileSize } from "./expert-tiles.ts";
import type { NarrowType, Workspace } from "../network-operation.ts";
import type { MatrixWeight } from "../weight-uses.ts";

/** A product of rows and a matrix: `out = x · weightᵀ + bias`; or up to three of them, of the same inputs. */
export interface ProductRequest {
  /** Several only where `narrowTypeOf` names a type. */
  readonly outs: ProductOutputs;
  readonly x: DeviceValue;
  /** The matrices of all rows, one for each output; or those of experts, one expert behind the other. All are encoded alike. */
  readonly matrices: readonly [MatrixWeight, ...MatrixWeight[]];
  /** Rows of experts, whose tiles have a matrix each. */
  readonly tiles: ExpertTiles | undefined;
  readonly workspace: Workspace;
  /** Whether inputs may be rounded to 16 bits. */
  readonly usesTensorCores: boolean;
  /** Whether a library computes products of many rows, where it can. */
  readonly usesLibrary: boolean;
}

/** The results of products of the same inputs: `(rows, width)` each, with the same rows. */
export type ProductOutputs = readonly [
  out: DeviceValue,
  out2?: DeviceValue | undefined,
  out3?: DeviceValue | undefined,
];

const outputsOfBlock = 32;
const rowsOfBlock = [1, 2, 4, 8, 32] as const;
const mostRows = 32;

/** The ways to compute a product, the best ones first: all of them with inputs of 16 bits, or all with inputs of float32. */
export function chooseProduct(request: ProductRequest): readonly Variant[] {
  const type = narrowTypeOf(request);
  if (type !== undefined) {
    return [
      ...libraryProducts(request, type),
      ...fewRowMmaProducts(request, type),
      ...manyRowProducts(request, type),
    ];
  }
  return [...fewRowProducts(request), ...simpleProducts(request)];
}

/** The way that always works: one row, or 32 at once; rows of experts in their tiles. */
function simpleProducts(request: ProductRequest): readonly Variant[] {
  const {
    outs: [out],
    tiles,
  } = request;
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

/**
 * The type of 16 bits that inputs are rounded to for tensor cores, whatever the count of rows: that of their weights; bf16,
 * which has the range of float32, for blocks. None where weights are not of 16 bits or in blocks, stored row by row, or rows
 * are not read 16 bytes at once.
 */
export function narrowTypeOf({
  x,
  matrices,
  usesTensorCores,
}: Pick<ProductRequest, "x" | "matrices" | "usesTensorCores">): NarrowType | undefined {
  if (!usesTensorCores || !areReadByRows(matrices) || x.width % 8 !== 0) return undefined;
  const [{ encoding }] = matrices;
  if (encoding.kind === "dense") return encoding.dtype === "f16" ? "f16" : "bf16";
  if (encoding.kind !== "blocks") return undefined;
  const { bits, blockSize } = encoding;
  const rowBytes = (Math.ceil(x.width / blockSize) * blockSize * bits) / 8;
  return rowBytes % 16 === 0 ? "bf16" : undefined;
}

function simpleProduct(
  { outs: [out], x, matrices, tiles }: ProductRequest,
  rowsPerBlock: number,
): KernelLaunch {
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
