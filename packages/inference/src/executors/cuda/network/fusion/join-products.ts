import type { Fusion, NetworkOperation, OperationDetail } from "../network-operation.ts";
import { chooseProduct, narrowTypeOf, type ProductOutputs } from "../products/choose-product.ts";
import type { MatrixWeight } from "../weight-uses.ts";

/** What kernels compute at once. */
const mostProducts = 3;

interface Product {
  readonly operation: NetworkOperation;
  readonly detail: Extract<OperationDetail, { readonly kind: "product" }>;
  readonly matrices: readonly [MatrixWeight, ...MatrixWeight[]];
}

function productOf(operation: NetworkOperation): Product | undefined {
  const { detail, matrices: all } = operation;
  const [first, ...others] = all;
  if (detail?.kind !== "product" || first === undefined) return undefined;
  return { operation, detail, matrices: [first, ...others] };
}

/** Names what products that are computed at once have in common. */
function keyOf({ detail, matrices }: Product): string | undefined {
  const type = narrowTypeOf({ ...detail, matrices });
  return type && JSON.stringify([detail.x.id, detail.tiles?.order.id, type, matrices[0].encoding]);
}

function join(products: readonly [Product, ...Product[]]): NetworkOperation {
  const [{ operation, detail, matrices: ofFirst }] = products;
  const [out, out2, out3] = products.map((product) => product.detail.out);
  const outs: ProductOutputs = [out!, out2, out3];
  // Those of an expert are neighbours.
  const matrices = ofFirst.flatMap((_, expert) => products.map((product) => product.matrices[expert]!));
  return {
    reads: operation.reads,
    writes: products.map((product) => product.detail.out),
    name: "products",
    matrices,
    variants: (workspace) =>
      chooseProduct({ ...detail, outs, matrices: [matrices[0]!, ...matrices.slice(1)], workspace }),
    narrowInput: operation.narrowInput,
  };
}

/**
 * Products of the same inputs by tensor cores, such as those of queries, keys and values: one launch computes up to three, so
 * that small ones do not leave multiprocessors without work.
 */
export const joinProducts: Fusion = (operations) => {
  const groups = new Map<string, Product[][]>();
  for (const operation of operations) {
    const product = productOf(operation);
    const key = product && keyOf(product);
    if (product === undefined || key === undefined) continue;
    const ofKey = groups.get(key) ?? [];
    const last = ofKey.at(-1);
    if (last === undefined || last.length === mostProducts) ofKey.push([product]);
    else last.push(product);
    groups.set(key, ofKey);
  }
  const replaced = new Map<NetworkOperation, readonly NetworkOperation[]>();
  for (const [first, ...others] of [...groups.values()].flat()) {
    if (first === undefined || others.length === 0) continue;
    replaced.set(first.operation, [join([first, ...others])]);
    for (const { operation } of others) replaced.set(operation, []);
  }
  return operations.flatMap((operation) => replaced.get(operation) ?? [operation]);
};
