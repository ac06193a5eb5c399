import type { Prompt, PromptDescription } from "../../operations/prompt.ts";
import { type JobThread, type JobThreadErrors, startJobThread } from "../job-thread.ts";

/** The files of tokenizer and chat template. */
export interface PromptThreadSource {
  readonly directory: string;
  readonly chatTemplatePath?: string | undefined;
}

/** A prompt as it is sent to the thread. */
export interface PromptJob {
  readonly kind: "encode" | "describe";
  readonly prompt: Prompt;
  readonly contextTokens: number;
}

/** The result for a prompt. */
export type PromptResult =
  | { readonly type: "tokens"; readonly tokenIds: Int32Array<ArrayBuffer> }
  | { readonly type: "description"; readonly description: PromptDescription };

/** Tokenizes one prompt at a time. Ends with `PROMPT_TIMEOUT` and `PROMPT_MEMORY_EXCEEDED`. */
export type PromptThread = JobThread<PromptJob, PromptResult>;

/** Starts a thread for the prompts of a model. */
export type StartPromptThread = (source: PromptThreadSource) => PromptThread;

export interface PromptThreadOptions {
  readonly source: PromptThreadSource;
  /** The worker's file. */
  readonly entry: URL;
  readonly loadTimeoutMs: number;
  /** Limit of its heap. */
  readonly memoryMib: number;
}

const errors: JobThreadErrors = {
  loadTimedOut: (timeoutMs) => ({
    code: "INVALID_TOKENIZER",
    message: `expected tokenizer and chat template to load within ${timeoutMs} ms, got no end of loading`,
  }),
  timedOut: (timeoutMs) => ({
    code: "PROMPT_TIMEOUT",
    message: `expected the prompt to be tokenized within ${timeoutMs} ms, got no result; see engine.promptTimeoutMs`,
    data: { timeoutMs },
  }),
  memoryExceeded: (memoryMib) => ({
    code: "PROMPT_MEMORY_EXCEEDED",
    message: `expected the prompt to be tokenized with at most ${memoryMib} MiB of memory, got a need for more`,
    data: { memoryMib },
  }),
  cannotBeCopied: (reason) => ({
    code: "INVALID_REQUEST",
    message: `expected a prompt of plain data, got one that cannot be copied: ${reason}`,
    param: "prompt",
  }),
  subject: "the prompt",
};

/** Starts a thread, which loads tokenizer and chat template at once. */
export function startPromptThread({ source, ...options }: PromptThreadOptions): PromptThread {
  return startJobThread({ ...options, workerData: source, errors });
}
