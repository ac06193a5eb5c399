import type { DeviceValue, Program, ProgramStep, RowKind } from "./program.ts";

/** Rows that there is room for. */
export interface RowCapacity {
  readonly tokens: number;
  readonly logits: number;
}

/** Where each value is while it is used: values that are not used at the same time share memory. */
export interface ArenaLayout {
  readonly sizeBytes: number;
  /** By the value's id. */
  readonly offsets: Float64Array;
}

const numberBytes = 4;
const alignment = 256;

/** A value that is used. */
interface LiveRange {
  readonly offset: number;
  readonly end: number;
  readonly lastStep: number;
}

/** Places the values of a program, each at the lowest address that is free from the step that writes it on. */
export function assignArena(program: Program, capacity: RowCapacity): ArenaLayout {
  const { steps, logits, sampled, valueCount } = program;
  const lastSteps = lastUses(steps);
  // The host reads them, and the next pass takes its tokens from there, before it writes anything.
  for (const { id } of [logits, ...Object.values(sampled)]) lastSteps.set(id, steps.length);
  const offsets = new Float64Array(valueCount);
  let live: LiveRange[] = [];
  let sizeBytes = 0;
  for (const [index, { writes }] of steps.entries()) {
    live = live.filter(({ lastStep }) => lastStep >= index);
    for (const value of writes) {
      const bytes = valueBytes(value, capacity);
      const offset = lowestGap(live, bytes);
      offsets[value.id] = offset;
      live.push({ offset, end: offset + bytes, lastStep: lastSteps.get(value.id) ?? index });
      live.sort((one, other) => one.offset - other.offset);
      sizeBytes = Math.max(sizeBytes, offset + bytes);
    }
  }
  return { sizeBytes, offsets };
}

function lastUses(steps: readonly ProgramStep[]): Map<number, number> {
  const last = new Map<number, number>();
  for (const [index, { reads }] of steps.entries()) for (const { id } of reads) last.set(id, index);
  return last;
}

function lowestGap(live: readonly LiveRange[], bytes: number): number {
  let offset = 0;
  for (const range of live) {
    if (range.offset - offset >= bytes) break;
    offset = Math.max(offset, range.end);
  }
  return offset;
}

function valueBytes({ width, rows }: DeviceValue, capacity: RowCapacity): number {
  return Math.ceil((rowsOf(rows, capacity) * width * numberBytes) / alignment) * alignment;
}

function rowsOf({ of, factor }: RowKind, capacity: RowCapacity): number {
  return of === "pass" ? factor : capacity[of] * factor;
}
