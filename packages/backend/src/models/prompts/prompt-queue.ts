import { EngineRequestError } from "../../errors.ts";
import type { PromptPurpose } from "../../operations/prompt.ts";

/** What waits in the queue. */
export interface QueuedPrompt {
  readonly purpose: PromptPurpose;
  readonly characters: number;
}

export interface PromptQueueLimits {
  readonly requests: number;
  /** More than so many are only taken from a prompt that is alone; a quarter of them is kept for small prompts. */
  readonly characters: number;
  /** Before so long nobody else is taken, whatever waits here. [0] */
  readonly minRetryMs?: number;
}

interface Entry<T> {
  readonly item: T;
  /** The smallest is next. */
  readonly rank: number;
}

/** Waiting prompts; those that are small and for an answer come first, and none waits for ever. */
export interface PromptQueue<T extends QueuedPrompt> {
  readonly size: number;
  /** With those that run: prompts that were added and have not left. */
  openCount(purpose: PromptPurpose): number;
  readonly openCharacters: number;
  readonly finishedCount: number;
  /** @throws EngineRequestError `QUEUE_FULL` */
  add(item: T, limits: PromptQueueLimits): void;
  /** Takes the next out to run it; of those that `fits` only. */
  take(fits: (item: T) => boolean): T | undefined;
  /** An item's work is over, or it is not to be done any more; `workMs` if it was done. */
  leave(item: T, workMs?: number): void;
  /** Takes out all that wait. */
  clear(): readonly T[];
}

/** Prompts wait as long for those after them as eight times their own work takes, at this speed. */
const charactersPerMs = 1000;
const workWeight = 8;
/** An answer's prompt goes before what came so long before it only to be looked at. */
const inspectionDelayMs = 1000;

/** Of the characters that may wait: a prompt of more is a large one. */
const largeShare = 1 / 16;
/** Large prompts take no more than this part from small ones. */
const largePart = 0.75;

const minRetryAfterMs = 1000;
const maxRetryAfterMs = 60_000;
/** Weight of the newest speed in the mean. */
const meanShare = 0.2;

/** Creates an empty queue. */
export function createPromptQueue<T extends QueuedPrompt>(clock: { now(): number }): PromptQueue<T> {
  const open = {
    generation: new Set<T>(),
    inspection: new Set<T>(),
  };
  let waiting: Entry<T>[] = [];
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
    const refuse = (resource: "requests" | "characters", wanted: number): never => {
      const what = purpose === "generation" ? "prompts" : "calls that only tokenize";
      const limit = limits[resource];
      throw new EngineRequestError({
        code: "QUEUE_FULL",
        message: `at most ${limit} ${resource} of ${what} may wait to be tokenized; with this request it would be ${wanted}`,
        data: { resource, limit, wanted, retryAfterMs: retryAfterMs(limits.minRetryMs ?? 0) },
      });
    };
    const others = [...open[purpose]];
    if (others.length === 0) return;
    if (others.length + 1 > limits.requests) refuse("requests", others.length + 1);
    const isLarge = (each: QueuedPrompt): boolean => each.characters > largeShare * limits.characters;
    const large = sum(others.filter(isLarge));
    const small = sum(others) - large;
    const counted = isLarge(item) ? large : Math.min(large, largePart * limits.characters);
    if (small + counted + characters > limits.characters) {
      refuse("characters", Math.ceil(small + counted + characters));
    }
  };

  return {
    get size() {
      return waiting.length;
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
      open[purpose].add(item);
      const handicapMs = (workWeight * characters) / charactersPerMs;
      const rank = clock.now() + handicapMs + (purpose === "inspection" ? inspectionDelayMs : 0);
      waiting.push({ item, rank });
    },
    take: (fits) => {
      let next: Entry<T> | undefined;
      for (const entry of waiting) {
        if ((next === undefined || entry.rank < next.rank) && fits(entry.item)) next = entry;
      }
      if (next === undefined) return undefined;
      waiting = waiting.filter((entry) => entry !== next);
      return next.item;
    },
    leave: (item, workMs) => {
      waiting = waiting.filter((entry) => entry.item !== item);
      open[item.purpose].delete(item);
      finishedCount += 1;
      if (workMs === undefined) return;
      msPerCharacter += meanShare * (workMs / (item.characters + 1) - msPerCharacter);
    },
    clear: () => {
      const items = waiting.map(({ item }) => item);
      waiting = [];
      return items;
    },
  };
}
