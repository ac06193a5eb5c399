import type { StreamEvent } from "../generation.ts";
import type { HeldReader } from "../held-responses.ts";

/** What a reader reads. */
export interface ReaderSource {
  readonly isRunning: () => boolean;
  /** Those that are held from this id. @throws ApiError 410 where some are not held any more */
  readonly eventsFrom: (id: number) => readonly StreamEvent[];
  readonly onRead: () => void;
  readonly onClose: (reader: EventReader) => void;
}

/** One reader of a held response. It keeps nothing but its place. */
export class EventReader implements HeldReader {
  #nextId: number;
  readonly #source: ReaderSource;
  #isClosed = false;
  #resume: (() => void) | undefined;

  constructor(nextId: number, source: ReaderSource) {
    this.#nextId = nextId;
    this.#source = source;
  }

  /** Id of the event that it reads next. */
  get nextId(): number {
    return this.#nextId;
  }

  async next(): Promise<readonly StreamEvent[] | undefined> {
    while (!this.#isClosed) {
      const events = this.#source.eventsFrom(this.#nextId);
      if (events.length > 0) {
        this.#nextId += events.length;
        this.#source.onRead();
        return events;
      }
      if (!this.#source.isRunning()) break;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    this.close();
    return undefined;
  }

  /** Looks for events again. */
  wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.wake();
    this.#source.onClose(this);
  }
}
