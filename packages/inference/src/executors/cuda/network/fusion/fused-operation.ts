import type { NarrowOutput, NarrowType, NetworkOperation } from "../network-operation.ts";
import type { DeviceValue, KernelLaunch } from "../program.ts";

/** An operation of one launch. */
export function fusedOperation(
  launch: KernelLaunch,
  uses: Pick<NetworkOperation, "reads" | "writes" | "narrowOutput">,
): NetworkOperation {
  return {
    ...uses,
    name: launch.entry,
    matrices: [],
    variants: () => [{ fits: () => true, launches: [launch] }],
  };
}

/** The same of one launch that writes a value in 16 bits. */
export function narrowLaunchOf(
  out: DeviceValue,
  launch: (to: DeviceValue, type: NarrowType) => KernelLaunch,
): NarrowOutput {
  return { out, variants: (_, to, type) => [{ fits: () => true, launches: [launch(to, type)] }] };
}
