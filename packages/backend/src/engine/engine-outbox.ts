import type { InfernodeEvent } from "../events/event-map.ts";
import { createResolvers } from "./async-queue.ts";
import type { CoreStats, EngineVitals } from "./engine-core.ts";
import type { CallReply, EngineMessage } from "./protocol.ts";

/** Hands a message to the channel; `onSent` is called when the channel has taken it, or never will. */
export type SendToDaemon = (message: EngineMessage, onSent: () => void) => void;

/** What the engine tells, until the channel takes it. All of one step goes in one message. */
export interface EngineOutbox {
  reply(callId: number, reply: CallReply): void;
  event(event: InfernodeEvent): void;
  /** Sends the vitals, and with them what is there; leaves them out when the daemon is slow to read. */
  tell(vitals: EngineVitals): void;
  /** While the daemon is slow to read: when it has caught up. Who makes replies waits for it. */
  readonly room: Promise<void> | undefined;
  /** Resolves when all is handed to the channel. */
  flush(): Promise<void>;
}

/** A daemon that has not read so many messages is slow; what is said meanwhile is kept here and made less. */
const maxUnsentCount = 8;

/** Creates an empty outbox; `stats` is `undefined` before the daemon may be told anything. */
export function createEngineOutbox(options: {
  readonly send: SendToDaemon;
  readonly stats: () => CoreStats | undefined;
}): EngineOutbox {
  let replies: (readonly [number, CallReply])[] = [];
  let events: InfernodeEvent[] = [];
  let isFlushScheduled = false;
  let unsentCount = 0;
  let room: ReturnType<typeof createResolvers<void>> | undefined;

  const onSent = (): void => {
    unsentCount--;
    if (unsentCount > 0 || room === undefined) return;
    room.resolve();
    room = undefined;
    scheduleFlush();
  };
  const sendBatch = (vitals: EngineVitals | undefined): void => {
    const stats = options.stats();
    if (stats === undefined || room !== undefined) return;
    const batch: EngineMessage = { type: "batch", replies, events, stats, vitals };
    replies = [];
    events = [];
    unsentCount++;
    if (unsentCount >= maxUnsentCount) room = createResolvers();
    options.send(batch, onSent);
  };
  // All that a step gives out comes in the microtasks after it; one message takes it all.
  const scheduleFlush = (): void => {
    if (isFlushScheduled) return;
    isFlushScheduled = true;
    queueMicrotask(() =>
      process.nextTick(() => {
        isFlushScheduled = false;
        if (replies.length > 0 || events.length > 0) sendBatch(undefined);
      }),
    );
  };
  const flush = async (): Promise<void> => {
    if (room === undefined) return sendBatch(undefined);
    await room.promise;
    return flush();
  };

  return {
    reply: (callId, reply) => {
      replies.push([callId, reply]);
      scheduleFlush();
    },
    event: (event) => {
      events.push(event);
      scheduleFlush();
    },
    tell: sendBatch,
    get room() {
      return room?.promise;
    },
    flush,
  };
}
