import { ApiError } from "../api-error.ts";
import type { HeldResponse, HeldResponses } from "../held-responses.ts";
import { GenerationHolder } from "./generation-holder.ts";

/** How much is held, and for how long. */
export interface HeldLimits {
  /** Running and ended. */
  readonly maxCount: number;
  /** Of the events of one response; beyond it the oldest that all readers have read are dropped. */
  readonly responseBytes: number;
  /** Of the events of all responses; beyond it ended ones are dropped, then the oldest events of running ones. */
  readonly totalBytes: number;
  /** How long an ended response is held. */
  readonly holdMs: number;
  /** How long a response of a session runs without a reader. */
  readonly graceMs: number;
}

/** Creates an empty table. @param onEnd called with each response when it has ended */
export function createHeldResponses(
  limits: HeldLimits,
  onEnd: (held: HeldResponse) => void = () => undefined,
): HeldResponses {
  const all = new Map<string, GenerationHolder>();
  /** Ended ones, the oldest first, and the timers that forget them. */
  const ended = new Map<GenerationHolder, NodeJS.Timeout>();
  const sizes = new Map<GenerationHolder, number>();
  let totalBytes = 0;
  let startingCount = 0;

  const measure = (held: GenerationHolder): void => {
    totalBytes += held.sizeBytes - (sizes.get(held) ?? 0);
    sizes.set(held, held.sizeBytes);
  };
  const forget = (held: GenerationHolder): void => {
    clearTimeout(ended.get(held));
    ended.delete(held);
    all.delete(held.id);
    totalBytes -= sizes.get(held) ?? 0;
    sizes.delete(held);
    held.dropAll();
  };
  /** The one that ended first, without a reader where there is such a one. */
  const findDroppable = (): GenerationHolder | undefined =>
    [...ended.keys()].find(({ readerCount }) => readerCount === 0) ?? ended.keys().next().value;
  const shrink = (held: GenerationHolder, limitBytes: number): void => {
    while (held.sizeBytes > limitBytes && held.dropOldest());
    measure(held);
  };
  /** Those that run share what there is. */
  const shareBytes = (): number => Math.floor(limits.totalBytes / Math.max(1, all.size));
  const makeRoom = (): void => {
    while (totalBytes > limits.totalBytes) {
      const droppable = findDroppable();
      if (droppable === undefined) break;
      forget(droppable);
    }
    if (totalBytes <= limits.totalBytes) return;
    for (const held of all.values()) shrink(held, shareBytes());
  };
  const onChange = (held: GenerationHolder): void => {
    if (all.get(held.id) !== held) return;
    shrink(held, limits.responseBytes);
    if (!held.isRunning && !ended.has(held)) {
      const timer = setTimeout(() => forget(held), limits.holdMs);
      timer.unref();
      ended.set(held, timer);
    }
    makeRoom();
  };
  const reserveCount = (): void => {
    if (all.size + startingCount >= limits.maxCount) {
      const droppable = findDroppable();
      if (droppable === undefined) {
        const message = `The server holds as many responses as it may hold at one time: ${limits.maxCount}`;
        throw new ApiError("server_overloaded", message, { retryAfterMs: 1000 });
      }
      forget(droppable);
    }
    startingCount += 1;
  };

  return {
    async start({ prepared, isDetached = false, toErrorEvent, signal, requestId }) {
      const { id, modelId } = prepared;
      if (id === undefined) throw new TypeError("expected a generation with an id, got none");
      reserveCount();
      const controller = new AbortController();
      const onAbort = (): void => controller.abort(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        signal.throwIfAborted();
        const generation = await prepared.start(controller.signal);
        const graceMs = isDetached ? undefined : limits.graceMs;
        const held = new GenerationHolder(generation, {
          id,
          modelId,
          requestId,
          controller,
          graceMs,
          toErrorEvent,
          limitBytes: () =>
            totalBytes > limits.totalBytes
              ? Math.min(limits.responseBytes, shareBytes())
              : limits.responseBytes,
          onChange,
        });
        all.set(id, held);
        void held.ended.then(() => onEnd(held));
        return held;
      } finally {
        startingCount -= 1;
        signal.removeEventListener("abort", onAbort);
      }
    },
    find: (id) => all.get(id),
    remove(id) {
      const held = all.get(id);
      if (held === undefined || held.isRunning) return false;
      forget(held);
      return true;
    },
    stats: () => ({ runningCount: all.size - ended.size, endedCount: ended.size, sizeBytes: totalBytes }),
    async dispose() {
      const running = [...all.values()].filter(({ isRunning }) => isRunning);
      await Promise.all(running.map(async (held) => held.cancel("the server stops")));
      for (const held of all.values()) forget(held);
    },
  };
}
