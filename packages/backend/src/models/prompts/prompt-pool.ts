import { EngineRequestError } from "../../errors.ts";
import { createResolvers, type Resolvers } from "../../create-resolvers.ts";
import type { Prompt, PromptPurpose } from "../../operations/prompt.ts";
import { estimateTokens, promptCharacters } from "../../operations/prompt-size.ts";
import { createPromptQueue, type PromptQueueLimits, type QueuedPrompt } from "./prompt-queue.ts";
import type { PromptResult, PromptThread } from "./prompt-thread.ts";

/** A prompt to process. */
export interface PromptTask {
  readonly kind: "encode" | "describe";
  readonly prompt: Prompt;
  readonly contextTokens: number;
  readonly purpose: PromptPurpose;
  readonly limits: PromptQueueLimits;
  readonly signal?: AbortSignal | undefined;
}

export interface PromptPoolStats {
  /** Prompts that are not tokenized yet, for any purpose. */
  readonly waitingRequestCount: number;
  /** An estimate of their tokens. */
  readonly waitingTokenCount: number;
  /** Prompts that have left, tokenized or not. */
  readonly finishedCount: number;
}

/** Tokenizes prompts in threads. */
export interface PromptPool {
  /** Resolves when the first thread has loaded. @throws EngineRequestError with the code of what failed */
  readonly ready: Promise<void>;
  /**
   * If the signal aborts, the call rejects at once, and does not start if it has not yet.
   * @throws EngineRequestError `QUEUE_FULL`, `PROMPT_TIMEOUT`, `PROMPT_MEMORY_EXCEEDED`, or with the code of what failed
   */
  run(task: PromptTask): Promise<PromptResult>;
  stats(): PromptPoolStats;
  dispose(): Promise<void>;
}

export interface PromptPoolOptions {
  readonly startThread: () => PromptThread;
  /** A prompt that takes longer fails; each 500 characters add 1 ms. */
  readonly timeoutMs: number;
  /** [2, one of which is left to short prompts] */
  readonly maxThreads?: number;
  readonly clock?: { now(): number };
}

interface Item extends QueuedPrompt {
  readonly task: PromptTask;
  readonly call: Resolvers<PromptResult>;
  isOver: boolean;
}

interface Slot {
  readonly thread: PromptThread;
  /** Is loading, or has a prompt. */
  isBusy: boolean;
  /** Has a long prompt, or one that takes a long time. */
  isSlow: boolean;
}

/** A prompt of this many characters is long; all threads but one may have long prompts at a time. */
const longCharacters = 16_384;
const slowAfterMs = 100;
const charactersPerExtraMs = 500;

function unavailable(cause: unknown): EngineRequestError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `expected the tokenizer to load again in a new thread, got ${reason}`;
  return new EngineRequestError({ code: "ENGINE_UNAVAILABLE", message }, { cause });
}

/** Creates the pool and starts its first thread; another one starts when all have slow prompts and more wait. */
export function createPromptPool(options: PromptPoolOptions): PromptPool {
  const { startThread, timeoutMs, maxThreads = 2, clock = performance } = options;
  const queue = createPromptQueue<Item>(clock);
  const slots = new Set<Slot>();
  let isDisposed = false;

  const finish = (item: Item, workMs?: number): boolean => {
    if (item.isOver) return false;
    item.isOver = true;
    queue.leave(item, workMs);
    return true;
  };
  const failWaiting = (error: unknown): void => {
    for (const item of queue.clear()) if (finish(item)) item.call.reject(error);
  };
  const load = async (slot: Slot): Promise<void> => {
    try {
      await slot.thread.ready;
      slot.isBusy = false;
      dispatch();
    } catch (error) {
      slots.delete(slot);
      // The next prompt starts another thread: the model was loaded before.
      if (slots.size === 0) failWaiting(unavailable(error));
    }
  };
  const open = (): Slot => {
    const slot: Slot = { thread: startThread(), isBusy: true, isSlow: false };
    slots.add(slot);
    void load(slot);
    return slot;
  };
  const work = async (slot: Slot, item: Item): Promise<void> => {
    const { kind, prompt, contextTokens } = item.task;
    const startedAtMs = clock.now();
    slot.isBusy = true;
    slot.isSlow = item.characters >= longCharacters;
    const slowTimer = setTimeout(() => {
      slot.isSlow = true;
      dispatch();
    }, slowAfterMs);
    try {
      const allowedMs = timeoutMs + Math.ceil(item.characters / charactersPerExtraMs);
      const answer = await slot.thread.run({ kind, prompt, contextTokens }, allowedMs);
      if (finish(item, clock.now() - startedAtMs)) item.call.resolve(answer);
    } catch (error) {
      if (finish(item)) item.call.reject(error);
    } finally {
      clearTimeout(slowTimer);
      queue.spend(item.purpose, clock.now() - startedAtMs);
      slot.isBusy = false;
      slot.isSlow = false;
      if (slot.thread.hasEnded) slots.delete(slot);
      dispatch();
    }
  };
  const dispatch = (): void => {
    if (isDisposed) return;
    if (slots.size === 0) open();
    const mayTakeLong = [...slots].filter(({ isSlow }) => isSlow).length < maxThreads - 1;
    const fits = ({ characters }: Item): boolean => mayTakeLong || characters < longCharacters;
    const free = [...slots].find(({ isBusy }) => !isBusy);
    if (free !== undefined) {
      const item = queue.take(fits);
      if (item === undefined) return;
      void work(free, item);
      return dispatch();
    }
    // Another thread takes memory: it is started only for slow prompts.
    if (queue.size > 0 && slots.size < maxThreads && [...slots].every(({ isSlow }) => isSlow)) open();
  };

  const first = open();
  return {
    ready: first.thread.ready,
    run: async (task) => {
      const { prompt, purpose, signal } = task;
      signal?.throwIfAborted();
      const characters = promptCharacters(prompt);
      const item: Item = { task, purpose, characters, call: createResolvers(), isOver: false };
      if (isDisposed) {
        throw new EngineRequestError({ code: "ENGINE_DISPOSED", message: "the engine was stopped" });
      }
      queue.add(item, task.limits);
      const onAbort = (): void => {
        if (finish(item)) item.call.reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      dispatch();
      try {
        return await item.call.promise;
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    },
    stats: () => ({
      waitingRequestCount: queue.openCount("generation") + queue.openCount("inspection"),
      waitingTokenCount: estimateTokens(queue.openCharacters),
      finishedCount: queue.finishedCount,
    }),
    dispose: async () => {
      isDisposed = true;
      failWaiting(
        new EngineRequestError({
          code: "ENGINE_DISPOSED",
          message: "the engine was stopped before the prompt was tokenized",
        }),
      );
      await Promise.all([...slots].map(({ thread }) => thread.end()));
      slots.clear();
    },
  };
}
