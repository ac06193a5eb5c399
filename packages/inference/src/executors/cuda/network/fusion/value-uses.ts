import type { NetworkOperation } from "../network-operation.ts";
import type { DeviceValue } from "../program.ts";

/** Who makes and who reads the values of a network. */
export interface ValueUses {
  writerOf(value: DeviceValue): NetworkOperation | undefined;
  /** Whether an operation is the only one that reads a value. */
  isReadOnlyBy(value: DeviceValue, reader: NetworkOperation): boolean;
}

/** Lists the uses of all values. */
export function createValueUses(operations: readonly NetworkOperation[]): ValueUses {
  const writers = new Map<number, NetworkOperation>();
  const readers = new Map<number, Set<NetworkOperation>>();
  for (const operation of operations) {
    for (const { id } of operation.writes) writers.set(id, operation);
    for (const { id } of operation.reads) readers.set(id, (readers.get(id) ?? new Set()).add(operation));
  }
  return {
    writerOf: ({ id }) => writers.get(id),
    isReadOnlyBy({ id }, reader) {
      const all = readers.get(id);
      return all?.size === 1 && all.has(reader);
    },
  };
}
