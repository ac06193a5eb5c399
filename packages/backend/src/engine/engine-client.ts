import type {
  ExecutorMemoryPlan,
  GenerationRequest,
  GenerationUsage,
  GenerationTimings,
  PromptLogprobs,
  TokenDelta,
} from "@infernode/inference";
import type { ChatTemplateMessage, ChatTemplateOptions, GenerationDefaults } from "@infernode/models";

import type { CoreStats } from "./engine-core.ts";

/** What the engine process makes tokens of. Text and messages are tokenized there, off the daemon's event loop. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string; readonly addSpecialTokens?: boolean }
  | { readonly kind: "tokens"; readonly tokenIds: readonly number[] }
  | {
      readonly kind: "chat";
      readonly messages: readonly ChatTemplateMessage[];
      readonly options?: ChatTemplateOptions;
    };

/** A prompt as the model reads it, and how its tokens are written. */
export interface PromptDescription {
  readonly tokenIds: readonly number[];
  /** Each token as the vocabulary spells it (`Ġthe`, `▁the`, `<0x0A>`); empty for an id that it has not. */
  readonly spellings: readonly string[];
  /** Decoded, special tokens included. */
  readonly text: string;
}

/** A generation as it crosses to the engine process: plain data. */
export interface EngineRequest extends Omit<GenerationRequest, "promptTokenIds" | "signal" | "keepResult"> {
  readonly id: string;
  readonly prompt: Prompt;
  /**
   * The reader can drop what it has of the answer: where the engine crashes, it gets `restarted` and the answer
   * from its beginning. [false: an answer that has begun fails]
   */
  readonly canRestart?: boolean;
}

/** What comes back, in order. `accepted` comes first, `finished` last; a failure rejects the iteration. */
export type EngineReply =
  | { readonly type: "accepted"; readonly promptTokenCount: number }
  /** Where the request asked for them: part after part before the first delta, which has none itself. */
  | { readonly type: "prompt-logprobs"; readonly logprobs: PromptLogprobs }
  | { readonly type: "delta"; readonly delta: TokenDelta }
  /** Only where the request allows it: what came since `accepted` is void, and comes anew. */
  | { readonly type: "restarted" }
  | { readonly type: "finished"; readonly usage: GenerationUsage; readonly timings: GenerationTimings };

/** The loaded model, as far as the daemon and its clients need to know it. */
export interface ServedModel {
  readonly id: string;
  readonly family: string;
  readonly parameterCount: number;
  /** The longest sequence that is served; may be less than the checkpoint's. */
  readonly contextTokens: number;
  readonly vocabSize: number;
  readonly hasChatTemplate: boolean;
  readonly generationDefaults: GenerationDefaults;
  readonly executor: string;
  readonly memoryPlan: ExecutorMemoryPlan;
  /** Memory for answers on their way, in the engine and the daemon together. */
  readonly answerMemoryBytes: number;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/** What an engine is doing; `failed` and `stopped` are for good. */
export type EngineState = "starting" | "ready" | "restarting" | "draining" | "stopped" | "failed";

/** The engine as the daemon sees it, whichever process it runs in. */
export interface EngineClient extends AsyncDisposable {
  readonly state: EngineState;
  /** Known once ready. */
  readonly model: ServedModel | undefined;
  /** The latest that the engine process told; `undefined` before it is ready. */
  stats(): CoreStats | undefined;
  /** Why it is not ready, for people; empty when ready. */
  reasons(): readonly string[];
  /**
   * Leaving the loop or aborting the signal stops the work within one step. While the engine is started again
   * after a crash, a request waits as in the queue.
   * @throws BackendError `ENGINE_UNAVAILABLE`, `ENGINE_CRASHED`; EngineRequestError with the engine's own code
   * (`CONTEXT_LENGTH_EXCEEDED`, `QUEUE_FULL`, `INVALID_REQUEST`, …)
   */
  generate(request: EngineRequest, signal: AbortSignal): AsyncIterable<EngineReply>;
  /** Counts tokens as `generate` would, without generating. Aborting the signal drops the call. */
  tokenize(prompt: Prompt, signal?: AbortSignal): Promise<readonly number[]>;
  /** Makes tokens of a prompt as `tokenize` does, and text of the tokens. */
  describePrompt(prompt: Prompt, signal?: AbortSignal): Promise<PromptDescription>;
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  dispose(): Promise<void>;
}
