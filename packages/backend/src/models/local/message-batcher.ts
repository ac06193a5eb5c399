import type { EngineErrorRecord } from "../../errors.ts";
import type { InfernodeEvent } from "../../events/event-map.ts";
import { createResolvers, type Resolvers } from "../../create-resolvers.ts";
import type { EngineHeartbeat } from "../engine/engine-core.ts";
import type { ModelStats } from "../model-service.ts";
import type { CallEvent } from "../../operations/operation.ts";
import type { EngineMessage } from "./protocol.ts";

/** Writes a message to the channel; `onSent` is called when the channel has taken it, or is closed. */
export type SendToDaemon = (message: EngineMessage, onSent: () => void) => void;

/** Collects messages to the daemon: everything of one step is sent as one batch. */
export interface MessageBatcher {
  callEvent(callId: number, event: CallEvent): void;
  /** The last message about a call. */
  callEnd(callId: number, error?: EngineErrorRecord): void;
  event(event: InfernodeEvent): void;
  /** Sends a heartbeat and everything that is waiting; does nothing while the daemon is slow to read. */
  sendHeartbeat(heartbeat: EngineHeartbeat): void;
  /** Pending while the daemon is slow to read; producers of events wait for it. */
  readonly room: Promise<void> | undefined;
  /** Resolves when everything was written to the channel. */
  flush(): Promise<void>;
}

/** With so many unsent messages the daemon is slow to read: no further one is written until it has caught up. */
const maxUnsentCount = 8;

/** Creates an empty batcher; while `stats` returns `undefined`, nothing is sent. */
export function createMessageBatcher(options: {
  readonly send: SendToDaemon;
  readonly stats: () => ModelStats | undefined;
}): MessageBatcher {
  let callEvents: (readonly [number, CallEvent])[] = [];
  let callEnds: (readonly [number, EngineErrorRecord | undefined])[] = [];
  let events: InfernodeEvent[] = [];
  let isFlushScheduled = false;
  let unsentCount = 0;
  let room: Resolvers<void> | undefined;

  const onSent = (): void => {
    unsentCount -= 1;
    if (unsentCount > 0 || room === undefined) return;
    room.resolve();
    room = undefined;
    scheduleFlush();
  };
  const sendBatch = (heartbeat: EngineHeartbeat | undefined): void => {
    const stats = options.stats();
    if (stats === undefined || room !== undefined) return;
    const batch: EngineMessage = { type: "batch", callEvents, callEnds, events, stats, heartbeat };
    callEvents = [];
    callEnds = [];
    events = [];
    unsentCount += 1;
    if (unsentCount >= maxUnsentCount) room = createResolvers();
    options.send(batch, onSent);
  };
  // The events of a step are emitted in the microtasks after it.
  const scheduleFlush = (): void => {
    if (isFlushScheduled) return;
    isFlushScheduled = true;
    queueMicrotask(() =>
      process.nextTick(() => {
        isFlushScheduled = false;
        if (callEvents.length + callEnds.length + events.length > 0) sendBatch(undefined);
      }),
    );
  };
  const flush = async (): Promise<void> => {
    if (room === undefined) return sendBatch(undefined);
    await room.promise;
    return flush();
  };

  return {
    callEvent: (callId, event) => {
      callEvents.push([callId, event]);
      scheduleFlush();
    },
    callEnd: (callId, error) => {
      callEnds.push([callId, error]);
      scheduleFlush();
    },
    event: (event) => {
      events.push(event);
      scheduleFlush();
    },
    sendHeartbeat: sendBatch,
    get room() {
      return room?.promise;
    },
    flush,
  };
}
