import { Worker } from "node:worker_threads";
import { type EngineErrorRecord, EngineRequestError } from "../../errors.ts";
import { createResolvers, type Resolvers } from "../../create-resolvers.ts";
import type { Prompt, PromptDescription } from "../../operations/prompt.ts";

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

export type PromptAnswer = PromptResult | { readonly type: "failed"; readonly error: EngineErrorRecord };

/** Messages from the thread. */
export type PromptThreadMessage =
  | { readonly type: "ready" }
  | { readonly type: "load-failed"; readonly error: EngineErrorRecord }
  | { readonly type: "answer"; readonly answer: PromptAnswer };

/** A thread that tokenizes one prompt at a time; it is terminated if one takes too long. */
export interface PromptThread {
  /** Resolves when tokenizer and template are loaded. @throws EngineRequestError with the code of what failed */
  readonly ready: Promise<void>;
  /** It takes no more jobs. */
  readonly hasEnded: boolean;
  /**
   * Runs a job; one at a time.
   * @throws EngineRequestError with the code of what failed; `PROMPT_TIMEOUT`, `PROMPT_MEMORY_EXCEEDED`: the thread has ended
   */
  run(job: PromptJob, timeoutMs: number): Promise<PromptResult>;
  end(): Promise<void>;
}

export interface PromptThreadOptions {
  readonly source: PromptThreadSource;
  /** The worker's file. */
  readonly entry: URL;
  readonly loadTimeoutMs: number;
  /** Limit of its heap. */
  readonly memoryMib: number;
  /** Flags for Node.js. [those of this process] */
  readonly execArgv?: string[];
}

/** Starts a thread for the prompts of a model. */
export type StartPromptThread = (source: PromptThreadSource) => PromptThread;

function loadTimedOut(timeoutMs: number): EngineRequestError {
  return new EngineRequestError({
    code: "INVALID_TOKENIZER",
    message: `expected tokenizer and chat template to load within ${timeoutMs} ms, got no end of loading`,
  });
}

function promptTimedOut(timeoutMs: number): EngineRequestError {
  return new EngineRequestError({
    code: "PROMPT_TIMEOUT",
    message: `expected the prompt to be tokenized within ${timeoutMs} ms, got no result; see engine.promptTimeoutMs`,
    data: { timeoutMs },
  });
}

/** The error of a thread that ended by itself. */
function failureOf(error: unknown, memoryMib: number): EngineRequestError {
  const { code, message = String(error) } = error as { readonly code?: unknown; readonly message?: string };
  if (code === "ERR_WORKER_OUT_OF_MEMORY") {
    return new EngineRequestError(
      {
        code: "PROMPT_MEMORY_EXCEEDED",
        message: `expected the prompt to be tokenized with at most ${memoryMib} MiB of memory, got a need for more`,
        data: { memoryMib },
      },
      { cause: error },
    );
  }
  return new EngineRequestError(
    { code: "INTERNAL", message: `expected a result from the prompt thread, got its end: ${message}` },
    { cause: error },
  );
}

/** Starts a thread, which loads at once. It keeps the process alive only while it works. */
export function startPromptThread(options: PromptThreadOptions): PromptThread {
  const { source, entry, loadTimeoutMs, memoryMib, execArgv = process.execArgv } = options;
  const worker = new Worker(entry, {
    workerData: source,
    execArgv,
    resourceLimits: { maxOldGenerationSizeMb: memoryMib },
  });
  const ready = createResolvers<void>();
  ready.promise.catch(() => undefined);
  let current: Resolvers<PromptResult> | undefined;
  let hasEnded = false;

  const settle = (): typeof current => {
    const call = current;
    current = undefined;
    clearTimeout(timer);
    worker.unref();
    return call;
  };
  const fail = (error: EngineRequestError): void => {
    if (hasEnded) return;
    hasEnded = true;
    settle()?.reject(error);
    ready.reject(error);
    void worker.terminate();
  };
  const post = (job: PromptJob): void => {
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage(job);
    } catch (cause) {
      const message = `expected a prompt of plain data, got one that cannot be copied: ${String(cause)}`;
      throw new EngineRequestError({ code: "INVALID_REQUEST", message, param: "prompt" }, { cause });
    }
  };
  let timer = setTimeout(() => fail(loadTimedOut(loadTimeoutMs)), loadTimeoutMs);
  worker.on("message", (message: PromptThreadMessage) => {
    if (message.type === "load-failed") {
      fail(new EngineRequestError(message.error));
    } else if (message.type === "answer") {
      const { answer } = message;
      if (answer.type === "failed") settle()?.reject(new EngineRequestError(answer.error));
      else settle()?.resolve(answer);
    } else {
      settle();
      ready.resolve();
    }
  });
  worker.on("error", (error) => fail(failureOf(error, memoryMib)));
  worker.on("exit", (exitCode) => fail(failureOf(new Error(`exit code ${exitCode}`), memoryMib)));

  return {
    ready: ready.promise,
    get hasEnded() {
      return hasEnded;
    },
    run: async (job, timeoutMs) => {
      const call = createResolvers<PromptResult>();
      post(job);
      current = call;
      worker.ref();
      timer = setTimeout(() => fail(promptTimedOut(timeoutMs)), timeoutMs);
      return call.promise;
    },
    end: async () => {
      fail(
        new EngineRequestError({
          code: "ENGINE_DISPOSED",
          message: "the engine was stopped before the prompt was tokenized",
        }),
      );
      await worker.terminate();
    },
  };
}
