import { EngineRequestError } from "../../errors.ts";
import type { PromptPurpose } from "../../operations/prompt.ts";

/** An item of the queue. */
export interface QueuedPrompt {
  readonly purpose: PromptPurpose;
  readonly characters: number;
}

export interface PromptQueueLimits {
  readonly requests: number;
  /** A prompt with more is accepted only alone; a quarter is reserved for small prompts. */
  readonly characters: number;
  /** The least `retryAfterMs` of a refusal. [0] */
  readonly minRetryMs?: number;
}

interface Entry<T> {
  readonly item: T;
  /** The smallest rank is next. */
  readonly rank: number;
}

/**
 * Waiting prompts. Generations have four fifths of the time of the threads while calls that only tokenize wait too;
 * among those of a purpose small prompts come first, and the longer one waits, the earlier it comes.
 */
export interface PromptQueue<T extends QueuedPrompt> {
  readonly size: number;
  /** Prompts that were added and have not left, those in a thread included. */
  openCount(purpose: PromptPurpose): number;
  readonly openCharacters: number;
  readonly finishedCount: number;
  /** @throws EngineRequestError `QUEUE_FULL` */
  add(item: T, limits: PromptQueueLimits): void;
  /** Removes the next prompt that `fits`, to run it. Its time counts with `spend`. */
  take(fits: (item: T) => boolean): T | undefined;
  /** A thread has worked for a purpose, whatever came of it. */
  spend(purpose: PromptPurpose, workMs: number): void;
  /** An item has finished, or is cancelled; `workMs` if it has finished. */
  leave(item: T, workMs?: number): void;
  /** Removes all that wait. */
  clear(): readonly T[];
}

/** A prompt lets others pass for eight times as long as its own work takes, at this speed. */
const charactersPerMs = 1000;
const workWeight = 8;
/** Shares of the time of the threads. */
const weights: Readonly<Record<PromptPurpose, number>> = { generation: 4, inspection: 1 };

/** A prompt with more than this share of the allowed characters is large. */
const largeShare = 1 / 16;
/** Large prompts count at most this share against a small one. */
const maxLargeShare = 0.75;

const minRetryAfterMs = 1000;
const maxRetryAfterMs = 60_000;
/** Weight of the latest speed in the moving average. */
const meanShare = 0.2;

/** Creates an empty queue. */
export function createPromptQueue<T extends QueuedPrompt>(clock: { now(): number }): PromptQueue<T> {
  const open = {
    generation: new Set<T>(),
    inspection: new Set<T>(),
  };
  const waiting: Record<PromptPurpose, Entry<T>[]> = { generation: [], inspection: [] };
  /** Time of the threads that each purpose has had, by its weight. */
  const spent: Record<PromptPurpose, number> = { generation: 0, inspection: 0 };
  let finishedCount = 0;
  let msPerCharacter = 1 / charactersPerMs;

  const sum = (items: Iterable<T>): number => {
    let characters = 0;
    for (const item of items) characters += item.characters;
    return characters;
  };
  const openCharacters = (): number => sum(open.generation) + sum(open.inspection);
  const retryAfterMs = (leastMs: number): number => {
    const waitMs = Math.max(openCharacters() * msPerCharacter, leastMs, minRetryAfterMs);
    return Math.ceil(Math.min(waitMs, maxRetryAfterMs));
  };
  const assertRoom = (item: T, limits: PromptQueueLimits): void => {
    const { purpose, characters } = item;
    const refuse = (resource: "requests" | "characters", requested: number): never => {
      const kind = purpose === "generation" ? "prompts" : "calls that only tokenize";
      const limit = limits[resource];
      throw new EngineRequestError({
        code: "QUEUE_FULL",
        message: `expected at most ${limit} ${resource} of ${kind} that wait to be tokenized, got ${requested} with this request`,
        data: { resource, limit, requested, retryAfterMs: retryAfterMs(limits.minRetryMs ?? 0) },
      });
    };
    const others = [...open[purpose]];
    if (others.length === 0) return;
    if (others.length + 1 > limits.requests) refuse("requests", others.length + 1);
    const isLarge = (each: QueuedPrompt): boolean => each.characters > largeShare * limits.characters;
    const large = sum(others.filter(isLarge));
    const small = sum(others) - large;
    const counted = isLarge(item) ? large : Math.min(large, maxLargeShare * limits.characters);
    if (small + counted + characters > limits.characters) {
      refuse("characters", Math.ceil(small + counted + characters));
    }
  };

  const first = (purpose: PromptPurpose, fits: (item: T) => boolean): Entry<T> | undefined => {
    let next: Entry<T> | undefined;
    for (const entry of waiting[purpose]) {
      if ((next === undefined || entry.rank < next.rank) && fits(entry.item)) next = entry;
    }
    return next;
  };
  const remove = (item: T): void => {
    waiting[item.purpose] = waiting[item.purpose].filter((entry) => entry.item !== item);
  };

  return {
    get size() {
      return waiting.generation.length + waiting.inspection.length;
    },
    openCount: (purpose) => open[purpose].size,
    get openCharacters() {
      return openCharacters();
    },
    get finishedCount() {
      return finishedCount;
    },
    add: (item, limits) => {
      assertRoom(item, limits);
      const { purpose, characters } = item;
      // Time that a purpose did not need earlier is not owed to it.
      const other = purpose === "generation" ? "inspection" : "generation";
      if (open[purpose].size === 0) spent[purpose] = Math.max(spent[purpose], spent[other]);
      open[purpose].add(item);
      waiting[purpose].push({ item, rank: clock.now() + (workWeight * characters) / charactersPerMs });
    },
    take: (fits) => {
      const generation = first("generation", fits);
      const inspection = first("inspection", fits);
      const isTurn = generation === undefined || spent.inspection < spent.generation;
      const next = inspection !== undefined && isTurn ? inspection : generation;
      if (next !== undefined) remove(next.item);
      return next?.item;
    },
    spend: (purpose, workMs) => {
      spent[purpose] += workMs / weights[purpose];
    },
    leave: (item, workMs) => {
      remove(item);
      open[item.purpose].delete(item);
      finishedCount += 1;
      if (workMs === undefined) return;
      msPerCharacter += meanShare * (workMs / (item.characters + 1) - msPerCharacter);
    },
    clear: () => {
      const items = [...waiting.generation, ...waiting.inspection].map(({ item }) => item);
      waiting.generation = [];
      waiting.inspection = [];
      return items;
    },
  };
}
