import { createResolvers } from "../../../create-resolvers.ts";
import { ApiError, invalidValue } from "../api-error.ts";
import { CancelledError } from "../cancelled-error.ts";
import type { Generation, StreamEvent } from "../generation.ts";
import type { HeldResponse } from "../held-responses.ts";
import { EventLog } from "./event-log.ts";
import { EventReader } from "./event-reader.ts";

/** What a response is held with. */
export interface GenerationHolderOptions {
  readonly id: string;
  readonly modelId: string;
  readonly requestId: string | undefined;
  /** Aborting it ends the generation. */
  readonly controller: AbortController;
  /** How long it may run without a reader; `undefined` for as long as it takes. */
  readonly graceMs: number | undefined;
  /** Writes the last event of a stream that failed. */
  readonly toErrorEvent: (error: unknown) => StreamEvent;
  /** Memory that its events may take now. While readers have not read what would be dropped, it waits for them. */
  readonly limitBytes: () => number;
  /** Called when events were added or read, and at the end. */
  readonly onChange: (held: GenerationHolder) => void;
}

/** Runs a generation and keeps its events. */
export class GenerationHolder implements HeldResponse {
  readonly id: string;
  readonly modelId: string;
  readonly requestId: string | undefined;
  readonly #options: GenerationHolderOptions;
  readonly #generation: Generation;
  readonly #log = new EventLog();
  readonly #readers = new Set<EventReader>();
  readonly #ended = createResolvers<void>();
  #isRunning = true;
  #failure: unknown;
  #graceTimer: NodeJS.Timeout | undefined;
  /** Lets the generation go on when readers have read. */
  #goOn: (() => void) | undefined;

  constructor(generation: Generation, options: GenerationHolderOptions) {
    this.id = options.id;
    this.modelId = options.modelId;
    this.requestId = options.requestId;
    this.#options = options;
    this.#generation = generation;
    this.#watchReaders();
    void this.#pump();
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  get sizeBytes(): number {
    return this.#log.sizeBytes;
  }

  get progress(): Generation["progress"] {
    return this.#generation.progress;
  }

  get failure(): unknown {
    return this.#failure;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  snapshot(): object {
    return this.#generation.snapshot?.() ?? {};
  }

  open(afterId: number): EventReader {
    const { firstId, nextId } = this.#log;
    if (afterId >= nextId) {
      const expected = `the id of an event of ${this.id}, which has had ${nextId}`;
      throw invalidValue("starting_after", expected, { got: afterId });
    }
    this.#assertHeld(afterId + 1, firstId);
    const reader = new EventReader(afterId + 1, {
      isRunning: () => this.#isRunning,
      eventsFrom: (id) => {
        this.#assertHeld(id, this.#log.firstId);
        return this.#log.from(id);
      },
      onRead: () => this.#moved(),
      onClose: (closed) => {
        this.#readers.delete(closed);
        this.#watchReaders();
        this.#moved();
      },
    });
    this.#readers.add(reader);
    this.#watchReaders();
    return reader;
  }

  async cancel(why: string): Promise<void> {
    this.#options.controller.abort(new CancelledError(why));
    this.#moved();
    return this.ended;
  }

  /** Drops the oldest event; `false` if there is none that all readers have read. */
  dropOldest(): boolean {
    return !this.#isUnread() && this.#log.dropOldest();
  }

  /** Drops all events: whoever reads them gets 410. */
  dropAll(): void {
    this.#log.dropAll();
    for (const reader of this.#readers) reader.wake();
  }

  #assertHeld(id: number, firstId: number): void {
    if (id >= firstId) return;
    throw new ApiError(
      "events_not_held",
      `The events ${id} to ${firstId - 1} of the response ${this.id} are not held any more`,
      { param: "starting_after" },
    );
  }

  /** Whether a reader has not read the oldest event. */
  #isUnread(): boolean {
    const { firstId } = this.#log;
    for (const { nextId } of this.#readers) if (nextId <= firstId) return true;
    return false;
  }

  /** A reader has read something, or left. */
  #moved(): void {
    this.#options.onChange(this);
    this.#goOn?.();
    this.#goOn = undefined;
  }

  /** Waits for readers that are behind; the engine gathers what it generates meanwhile. */
  async #waitForReaders(): Promise<void> {
    const { limitBytes, controller } = this.#options;
    while (!controller.signal.aborted && this.sizeBytes > limitBytes() && this.#isUnread()) {
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
      });
    }
  }

  /** A response that nobody reads ends after its grace time. */
  #watchReaders(): void {
    const { graceMs } = this.#options;
    clearTimeout(this.#graceTimer);
    if (graceMs === undefined || !this.#isRunning || this.#readers.size > 0) return;
    this.#graceTimer = setTimeout(() => {
      void this.cancel(`nobody read it for ${graceMs} ms`);
    }, graceMs);
  }

  async #pump(): Promise<void> {
    const { toErrorEvent } = this.#options;
    try {
      for await (const events of this.#generation.chunks()) {
        this.#add(events);
        await this.#waitForReaders();
      }
    } catch (error) {
      this.#failure = error;
      this.#add([toErrorEvent(error)]);
    }
    this.#isRunning = false;
    clearTimeout(this.#graceTimer);
    this.#generation.release();
    this.#wake();
    this.#ended.resolve();
  }

  #add(events: readonly StreamEvent[]): void {
    for (const event of events) this.#log.push(event);
    this.#wake();
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
    this.#options.onChange(this);
  }
}
