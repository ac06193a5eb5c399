import type { BlockTable } from "./block-table.ts";
import { FreeBins } from "./free-bins.ts";
import { Slabs } from "./slabs.ts";

/** Everything a stream freed up to `epoch` is idle once the event is complete. */
interface Seal {
  readonly epoch: number;
  readonly event: unknown;
}

interface PendingSlot {
  readonly slot: number;
  readonly epoch: number;
}

/** Free memory that may be handed out under one condition: domain 0 is idle, any other is one stream's own. */
export class Domain {
  readonly index: number;
  readonly streamId: number | undefined;
  readonly bins: FreeBins;
  readonly slabs: Slabs;
  /** Counts the events that were recorded for what the stream freed. */
  epoch = 0;
  /** Whether something was freed since the last event. */
  isUnsealed = false;
  readonly seals: Seal[] = [];
  /** Slots that the stream freed and whose runs belong to another domain. */
  pendingSlots: PendingSlot[] = [];

  constructor(table: BlockTable, index: number, streamId?: number) {
    this.index = index;
    this.streamId = streamId;
    this.bins = new FreeBins(table);
    this.slabs = new Slabs(table);
  }
}
