import type { NetworkOperation } from "../network-operation.ts";
import type { KernelLaunch } from "../program.ts";

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
