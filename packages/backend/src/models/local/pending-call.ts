import type { AnyOperation, CallEvent } from "../../operations/operation.ts";
import type { AsyncQueue } from "../../iteration/async-queue.ts";

/** How a call is read. */
export interface CallReader {
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
  /** Called once, at the first event that has a token by the operation's `timing`. */
  readonly onFirstToken?: ((requestId: string) => void) | undefined;
}

/** A call that has not ended. */
export class PendingCall {
  readonly operation: AnyOperation;
  readonly input: unknown;
  readonly queue: AsyncQueue<CallEvent>;
  /** An estimate; it counts until a process counts the tokens itself. */
  readonly sizeTokens: number;
  /** Some process has queued it. */
  isAccepted = false;
  /** The present process has it. */
  isSent = false;
  /** The present process has answered: from then on its own limits count the call. */
  isCounted = false;
  /** Events from the present process, without the acceptance. */
  eventCount = 0;
  /** The most events that a process sent before it crashed. */
  maxEventCount = 0;
  /** Crashes that it may have caused: it was in flight, and nothing says that another call was the cause. */
  crashCount = 0;
  #onFirstToken: CallReader["onFirstToken"];

  constructor(
    { operation, input, queue }: Pick<PendingCall, "operation" | "input" | "queue">,
    { onFirstToken }: CallReader,
  ) {
    this.operation = operation;
    this.input = input;
    this.queue = queue;
    this.sizeTokens = operation.sizeTokens?.(input) ?? 0;
    this.#onFirstToken = onFirstToken;
  }

  /** It may have crashed an earlier process. */
  get isSuspect(): boolean {
    return this.crashCount > 0;
  }

  /**
   * A suspect has shown that it is harmless: after one crash by the first event of its answer, after two by getting
   * further than ever.
   */
  get isCleared(): boolean {
    return this.eventCount > (this.crashCount > 1 ? this.maxEventCount : 0);
  }

  /** Its reader has no event yet, or can drop those that it has. */
  get canReplay(): boolean {
    return this.eventCount === 0 || this.operation.canRestart?.(this.input) === true;
  }

  /** Passes on an event of the answer. */
  push(event: CallEvent): void {
    this.eventCount += 1;
    this.queue.push(event);
    const { timing } = this.operation;
    if (this.#onFirstToken === undefined || timing?.hasToken(event) !== true) return;
    this.#onFirstToken(timing.requestId(this.input));
    this.#onFirstToken = undefined;
  }

  /** No process has it any more; the next one begins its answer again. */
  restart(): void {
    if (this.eventCount > 0) this.queue.push({ type: "restarted" });
    this.maxEventCount = Math.max(this.maxEventCount, this.eventCount);
    this.eventCount = 0;
    this.isCounted = false;
    this.isSent = false;
  }
}
