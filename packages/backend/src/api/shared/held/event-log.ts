import type { StreamEvent } from "../generation.ts";

/** Characters of the events that are read at one time; one event may be longer. */
const batchChars = 65_536;

/** What an event takes beside its characters. */
const eventBytes = 64;

function charsOf(event: StreamEvent): number {
  return typeof event === "string" ? event.length : event.name.length + event.data.length;
}

/** At most: V8 keeps a character in one or two bytes. */
function sizeOf(event: StreamEvent): number {
  return eventBytes + 2 * charsOf(event);
}

/** The newest events of a stream. The first event of the stream has the id 0, the next one 1. */
export class EventLog {
  readonly #events: StreamEvent[] = [];
  /** Of `#events`: those before it have been dropped. */
  #start = 0;
  #firstId = 0;
  #sizeBytes = 0;

  /** Id of the oldest event that is held. */
  get firstId(): number {
    return this.#firstId;
  }

  /** Id of the event that comes next. */
  get nextId(): number {
    return this.#firstId + this.#events.length - this.#start;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  push(event: StreamEvent): void {
    this.#events.push(event);
    this.#sizeBytes += sizeOf(event);
  }

  /** Drops the oldest event, unless it is the only one. `false` if nothing was dropped. */
  dropOldest(): boolean {
    const oldest = this.#events[this.#start];
    if (oldest === undefined || this.nextId - this.#firstId === 1) return false;
    this.#sizeBytes -= sizeOf(oldest);
    this.#events[this.#start] = "";
    this.#start += 1;
    this.#firstId += 1;
    if (this.#start >= 1024 && this.#start * 2 > this.#events.length) {
      this.#events.splice(0, this.#start);
      this.#start = 0;
    }
    return true;
  }

  dropAll(): void {
    this.#firstId = this.nextId;
    this.#events.length = 0;
    this.#start = 0;
    this.#sizeBytes = 0;
  }

  /** Events from an id that is held, as many as are read at one time. */
  from(id: number): StreamEvent[] {
    const batch: StreamEvent[] = [];
    let chars = 0;
    for (let at = this.#start + id - this.#firstId; at < this.#events.length; at += 1) {
      const event = this.#events[at] as StreamEvent;
      chars += charsOf(event);
      if (batch.length > 0 && chars > batchChars) break;
      batch.push(event);
    }
    return batch;
  }
}
