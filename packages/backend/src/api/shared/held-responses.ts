import type { GenerationProgress, PreparedGeneration, StreamEvent } from "./generation.ts";

/** One reader of a held response. */
export interface HeldReader {
  /**
   * Resolves with the next events, `undefined` after the last one, or when the reader is closed. One call at a time.
   * @throws ApiError 410 where the next events are not held any more
   */
  next(): Promise<readonly StreamEvent[] | undefined>;
  close(): void;
}

/** A response whose events are kept apart from who reads them: any number of readers, each from where it wants. */
export interface HeldResponse {
  readonly id: string;
  readonly modelId: string;
  /** Of the request that started it, as far as it is known. */
  readonly requestId: string | undefined;
  readonly isRunning: boolean;
  readonly progress: Readonly<GenerationProgress>;
  /** Why it failed. */
  readonly failure: unknown;
  /** Resolves when the last event is held; never rejects. */
  readonly ended: Promise<void>;
  /** What the answer is now, as its wire format has it. */
  snapshot(): object;
  /**
   * Opens a reader of the events after the one with this id, -1 for all.
   * @throws ApiError 400 for an id that no event had yet, 410 where events after it are not held any more
   */
  open(afterId: number): HeldReader;
  /** Ends the generation; resolves when the last event is held. Changes nothing where it has ended. */
  cancel(why: string): Promise<void>;
}

/** How a response is started. */
export interface HoldOptions {
  /** Must have an id. */
  readonly prepared: PreparedGeneration;
  /** Whether it runs to its end without a reader. [its grace time] */
  readonly isDetached?: boolean;
  /** Writes the last event of a stream that failed. */
  readonly toErrorEvent: (error: unknown) => StreamEvent;
  /** Until the response is held: its abort ends the start. */
  readonly signal: AbortSignal;
  readonly requestId?: string;
}

/** What is held now. */
export interface HeldStats {
  readonly runningCount: number;
  readonly endedCount: number;
  /** Of the events, at most. */
  readonly sizeBytes: number;
}

/** The responses that are held, by their ids. */
export interface HeldResponses {
  /** Resolves when the engine has queued it. @throws ApiError; what the start throws; the signal's reason */
  start(options: HoldOptions): Promise<HeldResponse>;
  find(id: string): HeldResponse | undefined;
  /** Forgets an ended response. `false` if there is no such response, or it is running. */
  remove(id: string): boolean;
  stats(): HeldStats;
  /** Cancels what is running, and forgets all. */
  dispose(): Promise<void>;
}
