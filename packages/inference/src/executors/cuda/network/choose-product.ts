import { product } from "../kernels/manifests/product.ts";
import { fewRowProducts } from "./few-row-products.ts";
import { manyRowProducts } from "./many-row-products.ts";
import { addressOf, countsOf, launchOf } from "./launch.ts";
import { type DeviceValue, type KernelLaunch, type PassShape, rowCount, type Variant } from "./program.ts";
import type { Workspace } from "./network-operation.ts";
import type { MatrixWeight } from "./weight-uses.ts";

/** A product of rows and a matrix: `out = x · weightᵀ + bias`. */
export interface ProductRequest {
  readonly out: DeviceValue;
  readonly x: DeviceValue;
  /** The matrix of all rows; or several, of which `matrixOf` chooses one for each row. All are encoded alike. */
  readonly matrices: readonly [MatrixWeight, ...MatrixWeight[]];
  readonly matrixOf: DeviceValue | undefined;
  readonly workspace: Workspace;
  /** Whether inputs of many rows may be rounded to 16 bits. */
  readonly usesTensorCores: boolean;
}

const tile = 32;
const manyRows = 32;

/** The ways to compute a product, the best ones first. */
export function chooseProduct(request: ProductRequest): readonly Variant[] {
  const few = simpleProduct(request, 1);
  const many = request.usesTensorCores ? manyRowProducts(request) : [];
  const fast = [...fewRowProducts(request), ...many];
  if (request.matrixOf !== undefined) return [...fast, { fits: () => true, launches: [few] }];
  const { rows } = request.out;
  return [
    ...fast,
    { fits: (shape) => rowCount(rows, shape) === 1, launches: [few] },
    { fits: () => true, launches: [simpleProduct(request, manyRows)] },
  ];
}

function simpleProduct({ out, x, matrices, matrixOf }: ProductRequest, rowsPerBlock: number): KernelLaunch {
  const geometry = {
    grid: (shape: PassShape) =>
      [Math.ceil(out.width / tile), Math.ceil(rowCount(out.rows, shape) / rowsPerBlock), 1] as const,
    block: [tile, Math.ceil(rowsPerBlock / 4)] as const,
  };
  const { encoding } = matrices[0];
  const operands = [
    addressOf(out),
    addressOf(x),
    { kind: "matrices", matrices },
    matrixOf && addressOf(matrixOf),
    countsOf(out),
    out.rows.factor,
    out.width,
    x.width,
    rowsPerBlock,
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
