import { type EngineErrorRecord, EngineRequestError } from "../../errors.ts";
import { AsyncQueue } from "../../iteration/async-queue.ts";
import type { AnyOperation, CallEvent, Operation } from "../../operations/operation.ts";
import { attributeCrash, type CallEntry, type CrashAttribution } from "./attribute-crash.ts";
import { type CallReader, PendingCall } from "./pending-call.ts";
import type { DaemonMessage } from "./protocol.ts";

/** How many calls may wait while no engine process answers. */
export interface CallLimits {
  readonly requests: number;
  /** Of prompts, estimated before they are tokenized. */
  readonly tokens: number;
  readonly retryAfterMs: number;
}

/** What happened to the pending calls after a crash. */
export interface CrashOutcome {
  readonly failedRequestCount: number;
  readonly replayedRequestCount: number;
  /** One call was the cause, and is among the failed. */
  readonly isAttributed: boolean;
}

/** The calls that have not ended, across crashes of the engine process. */
export interface CallTable {
  readonly size: number;
  /** The present process has sent a part of an answer. */
  readonly hasServed: boolean;
  /** @throws EngineRequestError `QUEUE_FULL`; `INVALID_REQUEST` for an input that cannot be serialized */
  open<Input, Event extends CallEvent>(
    operation: Operation<Input, Event>,
    input: Input,
    reader?: CallReader,
  ): AsyncQueue<Event>;
  /** Passes an event of the engine process to the call's reader. */
  deliver(callId: number, event: CallEvent): void;
  /** The engine process has ended a call, with an error if it failed. */
  end(callId: number, error: EngineErrorRecord | undefined): void;
  /** After a crash: fails its cause and the calls that cannot be replayed; the others wait for the next process. */
  handleCrash(error: unknown): CrashOutcome;
  /** Sends the pending calls to a new process, suspects of a crash one at a time. Never throws. */
  replay(): void;
  /** Sends all calls that wait: no new process will be started. */
  sendAll(): void;
  failAll(error: unknown): void;
}

export interface CallTableOptions {
  /**
   * Sends a message to the present engine process; `false` while none is ready.
   * @throws what the serializer throws
   */
  readonly send: (message: DaemonMessage) => boolean;
  readonly limits: () => CallLimits;
  /** A process answers, and applies its own limits. */
  readonly isAnswering: () => boolean;
}

/** How much of one call's answer may wait for its reader here; the rest waits in the engine, where it takes least. */
const readerLimits = { high: 1000, low: 250 };

/** Creates an empty table. */
export function createCallTable(options: CallTableOptions): CallTable {
  const { send } = options;
  /** In the order in which they are sent: suspects of a crash before new calls. */
  const calls = new Map<number, PendingCall>();
  let lastCallId = 0;
  let unsentCount = 0;
  let hasServed = false;
  /** The suspect of a crash that the process was sent, until it is cleared. */
  let trialId: number | undefined;
  /** The process had no room for a call that an earlier one had accepted; the end of another call makes room. */
  let isFull = false;

  /** @throws EngineRequestError `INVALID_REQUEST` */
  const submit = (callId: number, call: PendingCall): void => {
    const { operation, input } = call;
    try {
      if (!send({ type: "call", callId, operation: operation.name, input })) return;
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      const message = `expected a request that can be sent to the engine process, got ${found}`;
      throw new EngineRequestError({ code: "INVALID_REQUEST", message }, { cause });
    }
    call.isSent = true;
    unsentCount -= 1;
    if (call.isSuspect) trialId = callId;
  };
  /** New calls wait until all suspects are cleared: another crash could fail them. */
  const maySend = (call: PendingCall): boolean =>
    (trialId === undefined && !isFull) || (call.operation.runsBeforeSuspects === true && !call.isSuspect);
  const sendWaiting = (filter: (call: PendingCall) => boolean = maySend): void => {
    if (unsentCount === 0) return;
    for (const [callId, call] of calls) {
      if (call.isSent || !filter(call)) continue;
      try {
        submit(callId, call);
      } catch (error) {
        remove(callId);
        call.queue.fail(error);
      }
    }
  };
  /** Returns whether the process has the call. */
  const remove = (callId: number): boolean => {
    const call = calls.get(callId);
    if (call === undefined) return false;
    calls.delete(callId);
    if (trialId === callId) trialId = undefined;
    if (call.isSent) isFull = false;
    else unsentCount -= 1;
    return call.isSent;
  };
  const cancel = (callId: number): void => {
    if (remove(callId)) send({ type: "cancel", callId });
    sendWaiting();
  };
  const fail = (callId: number, call: PendingCall, error: EngineErrorRecord): void => {
    const hasOthers = calls.size - unsentCount > 1;
    // A call that was accepted once is not refused for lack of room.
    if (error.code === "QUEUE_FULL" && call.isAccepted && hasOthers) {
      call.isSent = false;
      unsentCount += 1;
      isFull = true;
      if (trialId === callId) trialId = undefined;
      return;
    }
    call.queue.fail(new EngineRequestError(error));
    remove(callId);
    sendWaiting();
  };
  /** @throws EngineRequestError `QUEUE_FULL` */
  const assertRoom = (sizeTokens: number): void => {
    if (unsentCount === 0 && options.isAnswering()) return;
    const limits = options.limits();
    const waiting = [...calls.values()].filter(({ isCounted }) => !isCounted);
    const assertWithin = (resource: "requests" | "tokens", requested: number): void => {
      const limit = limits[resource];
      if (requested <= limit) return;
      const { retryAfterMs } = limits;
      const message = `expected at most ${limit} waiting ${resource}, got ${requested} with this request`;
      throw new EngineRequestError({
        code: "QUEUE_FULL",
        message,
        data: { resource, limit, requested, retryAfterMs },
      });
    };
    assertWithin("requests", waiting.length + 1);
    if (waiting.length === 0) return;
    assertWithin(
      "tokens",
      waiting.reduce((sum, call) => sum + call.sizeTokens, sizeTokens),
    );
  };
  const open = (operation: AnyOperation, input: unknown, reader: CallReader = {}): AsyncQueue<CallEvent> => {
    const callId = (lastCallId += 1);
    const { signal } = reader;
    const notify = (type: "pause" | "resume") => (): void => {
      if (calls.get(callId)?.isSent === true) send({ type, callId });
    };
    const queue = new AsyncQueue<CallEvent>(() => cancel(callId), {
      ...readerLimits,
      weigh: (event) => operation.weigh?.(event) ?? 1,
      onFull: notify("pause"),
      onRoom: notify("resume"),
    });
    const call = new PendingCall({ operation, input, queue }, reader);
    assertRoom(call.sizeTokens);
    calls.set(callId, call);
    unsentCount += 1;
    try {
      if (maySend(call)) submit(callId, call);
    } catch (error) {
      remove(callId);
      throw error;
    }
    if (signal !== undefined) queue.cancelWith(signal);
    return queue;
  };
  /**
   * Suspects come before all others; after a crash with a known cause, those that it did not stop come first, should
   * one of the others have been the cause after all. Of suspects, those with the shortest answers come first: most
   * causes crash an engine before their first event, and then no other call is exactly where it was at the first crash.
   */
  const sortSuspects = ({ replayed, isAttributed }: CrashAttribution): void => {
    const stopped = new Set(isAttributed ? replayed : []);
    const rankOf = ([callId, call]: CallEntry): number =>
      call.isSuspect ? (stopped.has(callId) ? 1 : 0) : 2;
    const lengthOf = ([, call]: CallEntry): number => (call.isSuspect ? call.maxEventCount : 0);
    const sorted = [...calls].sort(
      (left, right) => rankOf(left) - rankOf(right) || lengthOf(left) - lengthOf(right),
    );
    calls.clear();
    for (const [callId, call] of sorted) calls.set(callId, call);
  };

  return {
    get size() {
      return calls.size;
    },
    get hasServed() {
      return hasServed;
    },
    // The events of a call are those of its operation.
    open: open as CallTable["open"],
    deliver: (callId, event) => {
      const call = calls.get(callId);
      // The last events of a cancelled call may still arrive.
      if (call === undefined || !call.isSent) return;
      call.isCounted = true;
      if (event.type === "accepted") {
        // The reader gets it once, also after a crash.
        if (!call.isAccepted) call.queue.push(event);
        call.isAccepted = true;
        return;
      }
      hasServed = true;
      call.push(event);
      if (trialId !== callId || !call.isCleared) return;
      trialId = undefined;
      sendWaiting();
    },
    end: (callId, error) => {
      const call = calls.get(callId);
      if (call === undefined || !call.isSent) return;
      if (error !== undefined) return fail(callId, call, error);
      hasServed = true;
      call.queue.complete();
      remove(callId);
      sendWaiting();
    },
    handleCrash: (error) => {
      const attribution = attributeCrash(calls, trialId);
      const { failed, replayed, isAttributed } = attribution;
      trialId = undefined;
      for (const callId of failed) {
        const call = calls.get(callId);
        remove(callId);
        call?.queue.fail(error);
      }
      for (const callId of replayed) calls.get(callId)?.restart();
      unsentCount += replayed.length;
      sortSuspects(attribution);
      return { failedRequestCount: failed.length, replayedRequestCount: calls.size, isAttributed };
    },
    replay: () => {
      hasServed = false;
      isFull = false;
      sendWaiting();
    },
    sendAll: () => sendWaiting(() => true),
    failAll: (error) => {
      const pending = [...calls.values()];
      calls.clear();
      unsentCount = 0;
      trialId = undefined;
      for (const { queue } of pending) queue.fail(error);
    },
  };
}
