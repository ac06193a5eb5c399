import { EngineRequestError } from "../../errors.ts";
import { createResolvers, type Resolvers } from "../../create-resolvers.ts";
import type { Prompt, PromptPurpose } from "../../operations/prompt.ts";
import { createPromptQueue, type PromptQueueLimits, type QueuedPrompt } from "./prompt-queue.ts";
import { estimateTokens, promptCharacters } from "./prompt-size.ts";
import type { PromptResult, PromptThread } from "./prompt-thread.ts";

/** What is to be done with a prompt. */
export interface PromptTask {
  readonly kind: "encode" | "describe";
  readonly prompt: Prompt;
  readonly contextTokens: number;
  readonly purpose: PromptPurpose;
  readonly limits: PromptQueueLimits;
  readonly signal?: AbortSignal | undefined;
}

export interface PromptPoolStats {
  /** Prompts that no token was made of yet, for whatever purpose. */
  readonly waitingRequestCount: number;
  /** About as many tokens as they will have. */
  readonly waitingTokenCount: number;
  /** Prompts that have left, however. */
  readonly finishedCount: number;
}

/** Makes tokens of prompts beside the engine's loop. */
export interface PromptPool {
  /** Resolves when the first thread has loaded. @throws EngineRequestError with the code of what failed */
  readonly ready: Promise<void>;
  /**
   * A call whose signal aborts is dropped before it starts, and rejects at once in any case.
   * @throws EngineRequestError `QUEUE_FULL`, `PROMPT_TIMEOUT`, `PROMPT_MEMORY_EXCEEDED`, or with the code of what failed
   */
  run(task: PromptTask): Promise<PromptResult>;
  stats(): PromptPoolStats;
  dispose(): Promise<void>;
}

export interface PromptPoolOptions {
  readonly startThread: () => PromptThread;
  /** A prompt that takes longer fails; long ones have 1 ms more for each 500 characters. */
  readonly timeoutMs: number;
  /** [2: long texts leave one to the short] */
  readonly maxThreads?: number;
  readonly clock?: { now(): number };
}

interface Item extends QueuedPrompt {
  readonly task: PromptTask;
  readonly call: Resolvers<PromptResult>;
  isOver: boolean;
}

interface Place {
  readonly thread: PromptThread;
  /** Loads, or has a prompt. */
  isBusy: boolean;
  /** Has a long prompt, or one that takes long. */
  isSlow: boolean;
}

/** A prompt of so many characters is long; at most all threads but one have such prompts at a time. */
const longCharacters = 16_384;
const slowAfterMs = 100;
const charactersPerExtraMs = 500;

function unavailable(cause: unknown): EngineRequestError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `the tokenizer cannot be loaded again: ${reason}`;
  return new EngineRequestError({ code: "ENGINE_UNAVAILABLE", message }, { cause });
}

/** Creates the pool and starts its first thread; another one starts when that one has a long prompt, and more wait. */
export function createPromptPool(options: PromptPoolOptions): PromptPool {
  const { startThread, timeoutMs, maxThreads = 2, clock = performance } = options;
  const queue = createPromptQueue<Item>(clock);
  const places = new Set<Place>();
  let isDisposed = false;

  const end = (item: Item, workMs?: number): boolean => {
    if (item.isOver) return false;
    item.isOver = true;
    queue.leave(item, workMs);
    return true;
  };
  const failWaiting = (error: unknown): void => {
    for (const item of queue.clear()) if (end(item)) item.call.reject(error);
  };
  const load = async (place: Place): Promise<void> => {
    try {
      await place.thread.ready;
      place.isBusy = false;
      pump();
    } catch (error) {
      places.delete(place);
      // The next prompt tries again: the model was loaded before.
      if (places.size === 0) failWaiting(unavailable(error));
    }
  };
  const open = (): Place => {
    const place: Place = { thread: startThread(), isBusy: true, isSlow: false };
    places.add(place);
    void load(place);
    return place;
  };
  const work = async (place: Place, item: Item): Promise<void> => {
    const { kind, prompt, contextTokens } = item.task;
    const startedAtMs = clock.now();
    place.isBusy = true;
    place.isSlow = item.characters >= longCharacters;
    const slowTimer = setTimeout(() => {
      place.isSlow = true;
      pump();
    }, slowAfterMs);
    try {
      const allowedMs = timeoutMs + Math.ceil(item.characters / charactersPerExtraMs);
      const answer = await place.thread.run({ kind, prompt, contextTokens }, allowedMs);
      if (end(item, clock.now() - startedAtMs)) item.call.resolve(answer);
    } catch (error) {
      if (end(item)) item.call.reject(error);
    } finally {
      clearTimeout(slowTimer);
      place.isBusy = false;
      place.isSlow = false;
      if (place.thread.hasEnded) places.delete(place);
      pump();
    }
  };
  const pump = (): void => {
    if (isDisposed) return;
    if (places.size === 0) open();
    const mayTakeLong = [...places].filter(({ isSlow }) => isSlow).length < maxThreads - 1;
    const fits = ({ characters }: Item): boolean => mayTakeLong || characters < longCharacters;
    const free = [...places].find(({ isBusy }) => !isBusy);
    if (free !== undefined) {
      const item = queue.take(fits);
      if (item === undefined) return;
      void work(free, item);
      return pump();
    }
    // Another thread costs memory: it starts when what runs takes long.
    if (queue.size > 0 && places.size < maxThreads && [...places].every(({ isSlow }) => isSlow)) open();
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
        if (end(item)) item.call.reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      pump();
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
          message: "the engine was stopped before the prompt was read",
        }),
      );
      await Promise.all([...places].map(({ thread }) => thread.end()));
      places.clear();
    },
  };
}
