import { gated } from "../../kernels/manifests/gated.ts";
import { addressOf, launchOf, sizeOf } from "../launch.ts";
import { type DeviceValue, type KernelLaunch, rowCount } from "../program.ts";
import type { Fusion, NarrowType } from "../network-operation.ts";
import { fusedOperation, narrowLaunchOf } from "./fused-operation.ts";
import { createFusion } from "./fuse-operations.ts";

const threads = 256;
/** Numbers of activations in `gated.cu`. */
const activations = { silu: 0, gelu_tanh: 1, gelu: 2, quick_gelu: 3 } as const;

/** A product, number by number, of which one side is an activation that nothing else reads. */
export const fuseGated: Fusion = createFusion((multiply, uses) => {
  if (multiply.detail?.kind !== "multiply") return undefined;
  const { out, a, b } = multiply.detail;
  if (a.width !== b.width) return undefined;
  for (const [activated, up] of [
    [a, b],
    [b, a],
  ] as const) {
    const activate = uses.writerOf(activated);
    if (activate?.detail?.kind !== "activation" || !uses.isReadOnlyBy(activated, multiply)) continue;
    const { x: gate, activation } = activate.detail;
    if (activation === "sigmoid" || activated.id === up.id) continue;
    const launch = (to: DeviceValue, type: NarrowType | "f32"): KernelLaunch =>
      launchOf(gated, `gated_${type}`, {
        grid: (shape) => [Math.ceil(out.width / threads), rowCount(out.rows, shape), 1],
        block: threads,
        operands: [addressOf(to), addressOf(gate), addressOf(up), ...sizeOf(out), activations[activation]],
      });
    const fused = fusedOperation(launch(out, "f32"), {
      reads: [gate, up],
      writes: [out],
      narrowOutput: narrowLaunchOf(out, launch),
    });
    return { fused, at: multiply, absorbed: [activate] };
  }
  return undefined;
});
