import { addRmsNorm } from "../../kernels/manifests/add-rms-norm.ts";
import { addressOf, launchOf, rowGrid, sizeOf } from "../launch.ts";
import type { Fusion } from "../network-operation.ts";
import { fusedOperation } from "./fused-operation.ts";
import { createFusion } from "./fuse-operations.ts";

/** A sum and the root mean square norm of it; the sum is written where others read it. */
export const fuseAddNorm: Fusion = createFusion((norm, uses) => {
  if (norm.detail?.kind !== "norm") return undefined;
  const { out, x, weights, style } = norm.detail;
  const { weight, bias, size } = weights;
  if (style.kind !== "rms" || bias !== undefined || size !== x.width) return undefined;
  const add = uses.writerOf(x);
  if (add?.detail?.kind !== "add") return undefined;
  const { a, b } = add.detail;
  const sum = uses.isReadOnlyBy(x, norm) ? undefined : x;
  const launch = launchOf(addRmsNorm, "add_rms_norm_f32", {
    grid: rowGrid(x.rows),
    block: 256,
    operands: [
      addressOf(out),
      sum && addressOf(sum),
      addressOf(a),
      addressOf(b),
      { kind: "vector", vector: weight },
      ...sizeOf(x),
      style.epsilon,
    ],
  });
  const writes = sum === undefined ? [out] : [sum, out];
  return { fused: fusedOperation(launch, { reads: [a, b], writes }), at: add, absorbed: [norm] };
});
