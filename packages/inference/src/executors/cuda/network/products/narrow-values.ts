import { narrowLaunch } from "./narrow-launch.ts";
import type { NarrowType, NetworkOperation } from "../network-operation.ts";
import type { DeviceValue, ProgramStep } from "../program.ts";

/** Values that are read in 16 bits: who writes them. */
export interface NarrowValues {
  /** Writes the output of an operation in 16 bits where nothing reads it otherwise: how, and what it writes then. */
  written(operation: NetworkOperation): NarrowWriter | undefined;
  /** A value in 16 bits, and the step that makes it, if it is new. */
  read(x: DeviceValue, type: NarrowType): { readonly narrowed: DeviceValue; readonly step?: ProgramStep };
}

/** An operation that writes in 16 bits. */
type NarrowWriter = Pick<NetworkOperation, "variants" | "writes">;

/** Decides who writes the values of a network in 16 bits. */
export function createNarrowValues(
  operations: readonly NetworkOperation[],
  createValue: (width: number, rows: DeviceValue["rows"]) => DeviceValue,
): NarrowValues {
  const types = typesOfReaders(operations);
  const known = new Map<string, DeviceValue>();
  const create = (x: DeviceValue, type: NarrowType): DeviceValue => {
    // Two numbers take the place of one.
    const narrowed = createValue(x.width / 2, x.rows);
    known.set(`${x.id} ${type}`, narrowed);
    return narrowed;
  };
  return {
    written({ writes, narrowOutput }) {
      if (narrowOutput === undefined) return undefined;
      const { out, variants } = narrowOutput;
      const [type, ...others] = types.get(out.id) ?? [];
      if (type === undefined || others.length > 0) return undefined;
      const narrowed = create(out, type);
      return {
        variants: (workspace) => variants(workspace, narrowed, type),
        writes: writes.map((value) => (value.id === out.id ? narrowed : value)),
      };
    },
    read(x, type) {
      const narrowed = known.get(`${x.id} ${type}`);
      if (narrowed !== undefined) return { narrowed };
      const made = create(x, type);
      const launches = [narrowLaunch(made, x, type)];
      return {
        narrowed: made,
        step: { variants: [{ fits: () => true, launches }], reads: [x], writes: [made] },
      };
    },
  };
}

/** The types in which each value is read; `undefined` is float32. */
function typesOfReaders(
  operations: readonly NetworkOperation[],
): ReadonlyMap<number, ReadonlySet<NarrowType | undefined>> {
  const types = new Map<number, Set<NarrowType | undefined>>();
  for (const { reads, narrowInput } of operations) {
    const input = narrowInput?.();
    for (const { id } of reads) {
      types.set(id, (types.get(id) ?? new Set()).add(id === input?.x.id ? input.type : undefined));
    }
  }
  return types;
}
