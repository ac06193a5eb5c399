import type { FinishReason } from "@infernode/inference";
import type { FieldNames } from "./to-api-error.ts";

/** What can be said of a generation while it runs and after it; no text. */
export interface GenerationProgress {
  promptTokens: number;
  completionTokens: number;
  /** Clock time of the first token. */
  firstTokenAtMs: number | undefined;
  readonly finishReasons: FinishReason[];
}

/** A server-sent event: its data alone, or with a name. */
export type StreamEvent = string | { readonly name: string; readonly data: string };

/** A generation that the engine has queued. Read it in one of the two ways, once. */
export interface Generation {
  readonly progress: Readonly<GenerationProgress>;
  /** More headers of the response. [none] */
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole answer: JSON text in pieces, which are made as they are read. */
  collect(): Promise<Iterable<string>>;
  /** Releases the memory that was reserved for the answer: when it is sent, or never will be. */
  release(): void;
  /** Events of the stream, those of one event of the engine together. */
  chunks(): AsyncIterable<readonly StreamEvent[]>;
  /** What the answer is now, while its events are read. [it cannot be held] */
  snapshot?(): object;
}

/** A request that was checked and can be started. */
export interface PreparedGeneration {
  /** What later requests call it. [it cannot be held] */
  readonly id?: string;
  readonly modelId: string;
  readonly isStream: boolean;
  readonly fieldNames: FieldNames;
  /** Resolves when the engine has queued it. */
  start(signal: AbortSignal): Promise<Generation>;
}
