import { addRmsNorm } from "../../kernels/manifests/add-rms-norm.ts";
import { addressOf, launchOf, rowGrid, sizeOf } from "../launch.ts";
import type { Fusion, NarrowType } from "../network-operation.ts";
import type { DeviceValue, KernelLaunch } from "../program.ts";
import { fusedOperation, narrowLaunchOf } from "./fused-operation.ts";
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
  const launch = (to: DeviceValue, type: NarrowType | "f32"): KernelLaunch =>
    launchOf(addRmsNorm, `add_rms_norm_${type}`, {
      grid: rowGrid(x.rows),
      block: 256,
      operands: [
        addressOf(to),
        sum && addressOf(sum),
        addressOf(a),
        addressOf(b),
        { kind: "vector", vector: weight },
        ...sizeOf(x),
        style.epsilon,
      ],
    });
  const writes = sum === undefined ? [out] : [sum, out];
  const uses16Bits = { reads: [a, b], writes, narrowOutput: narrowLaunchOf(out, launch) };
  return { fused: fusedOperation(launch(out, "f32"), uses16Bits), at: add, absorbed: [norm] };
});
