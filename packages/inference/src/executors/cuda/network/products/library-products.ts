import type { ProductRequest } from "./choose-product.ts";
import type { NarrowType } from "../network-operation.ts";
import { type PassShape, rowCount, type Variant } from "../program.ts";

/** Up to so many rows are for own kernels, which read weights once for all of them. */
const mostOwnRows = 64;

/**
 * Products of many rows by a library, of inputs in 16 bits, with weights of 16 bits; none with others, or of experts. Passes of
 * single tokens, which may be recorded as graphs, have none.
 */
export function libraryProducts(request: ProductRequest, type: NarrowType): readonly Variant[] {
  const { out, x, matrices, tiles, workspace, usesLibrary } = request;
  const [{ encoding, parts, bias }] = matrices;
  if (!usesLibrary || tiles !== undefined || encoding.kind !== "dense") return [];
  const [weight] = parts;
  return [
    {
      fits: (shape: PassShape) => shape.longestPieceTokens > 1 && rowCount(out.rows, shape) > mostOwnRows,
      launches: [
        {
          kind: "product",
          type,
          n: out.width,
          k: x.width,
          rows: out.rows,
          operands: [
            { kind: "value", value: out },
            { kind: "value", value: workspace.narrow(x, type) },
            { kind: "tensor", tensor: weight },
            bias && { kind: "vector", vector: bias },
          ],
        },
      ],
    },
  ];
}
