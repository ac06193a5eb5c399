import type { Fusion, NetworkOperation } from "../network-operation.ts";
import { createValueUses, type ValueUses } from "./value-uses.ts";

/** One operation in the place of several. */
export interface FusedOperation {
  readonly fused: NetworkOperation;
  /** The operation whose place it takes. */
  readonly at: NetworkOperation;
  /** What it does beside that. */
  readonly absorbed: readonly NetworkOperation[];
}

/** Finds what an operation, with others before it, can be a part of. */
export type FusionPattern = (operation: NetworkOperation, uses: ValueUses) => FusedOperation | undefined;

/** Creates the pass over a network that fuses all places where a pattern fits. */
export function createFusion(pattern: FusionPattern): Fusion {
  return (operations) => {
    const uses = createValueUses(operations);
    const replaced = new Map<NetworkOperation, readonly NetworkOperation[]>();
    for (const operation of operations) {
      const found = pattern(operation, uses);
      if (found === undefined || [found.at, ...found.absorbed].some((part) => replaced.has(part))) continue;
      for (const part of found.absorbed) replaced.set(part, []);
      replaced.set(found.at, [found.fused]);
    }
    return operations.flatMap((operation) => replaced.get(operation) ?? [operation]);
  };
}
