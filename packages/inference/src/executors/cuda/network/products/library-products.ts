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
  const { outs, x, matrices, tiles, workspace, usesLibrary } = request;
  const [first] = outs;
  if (!usesLibrary || tiles !== undefined || matrices[0].encoding.kind !== "dense") return [];
  return [
    {
      fits: (shape: PassShape) => shape.longestPieceTokens > 1 && rowCount(first.rows, shape) > mostOwnRows,
      launches: matrices.map(({ parts: [weight], bias }, at) => {
        const out = outs[at] ?? first;
        return {
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
        };
      }),
    },
  ];
}
