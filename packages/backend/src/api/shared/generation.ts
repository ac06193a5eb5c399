import type { GenerationProgress } from "./generation/track-progress.ts";

/** A generation that the engine has taken. Read it in one of the two ways, once. */
export interface Generation {
  readonly progress: Readonly<GenerationProgress>;
  /** The whole answer: JSON text in pieces, which are made as they are read. */
  collect(): Promise<Iterable<string>>;
  /** Gives the memory back that the answer was given; called when it is sent, or never will be. */
  release(): void;
  /** JSON texts of the chunks, those of one event of the engine together. */
  chunks(): AsyncIterable<readonly string[]>;
}

/** A request that was checked and can be started. */
export interface PreparedGeneration {
  readonly modelId: string;
  readonly isStream: boolean;
  /** What the prompt is called in the request. */
  readonly promptParam: "messages" | "prompt";
  /** Resolves when the engine has queued it. */
  start(signal: AbortSignal): Promise<Generation>;
}
