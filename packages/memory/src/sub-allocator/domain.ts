import type { BlockTable } from "./block-table.ts";
import { FreeBins } from "./free-bins.ts";
import { Slabs } from "./slabs.ts";

/** What a stream freed up to `epoch` is idle once the event is complete. */
interface RecordedEvent {
  readonly epoch: number;
  readonly event: unknown;
}

interface PendingSlot {
  readonly slot: number;
  readonly epoch: number;
}

/** Free memory with one condition of reuse: domain 0 is idle (any stream), every other belongs to one stream. */
export class Domain {
  readonly index: number;
  readonly streamId: number | undefined;
  readonly bins: FreeBins;
  readonly slabs: Slabs;
  /** The number of events recorded for what the stream freed. */
  epoch = 0;
  /** Whether memory was freed since the last event. */
  hasUnrecordedFrees = false;
  readonly events: RecordedEvent[] = [];
  /** Slots that the stream freed in runs of another domain. */
  pendingSlots: PendingSlot[] = [];

  constructor(table: BlockTable, index: number, streamId?: number) {
    this.index = index;
    this.streamId = streamId;
    this.bins = new FreeBins(table);
    this.slabs = new Slabs(table);
  }
}
