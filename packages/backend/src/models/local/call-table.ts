import { type EngineErrorRecord, EngineRequestError } from "../../errors.ts";
import { AsyncQueue } from "../async-queue.ts";
import type { AnyOperation, CallEvent, Operation } from "../../operations/operation.ts";
import { isCleared, isSuspect, createPendingCall, type PendingCall } from "./pending-call.ts";
import type { DaemonMessage } from "./protocol.ts";
import { attributeCrash } from "./attribute-crash.ts";

/** How much may be open that no engine process has answered: it is started again, hangs, or is given them later. */
export interface CallLimits {
  readonly requests: number;
  /** Of prompts, as far as one can tell before they are tokenized. */
  readonly tokens: number;
  readonly retryAfterMs: number;
}

/** What became of the open calls after a crash. */
export interface CrashOutcome {
  readonly failedRequestCount: number;
  readonly replayedRequestCount: number;
  /** One call was the cause, and is among the failed. */
  readonly isAttributed: boolean;
}

/** The calls that one engine process has not finished. */
export interface CallTable {
  /** How many are open. */
  readonly size: number;
  /** The present process has given a part of an answer to some call. */
  readonly hasServed: boolean;
  /** @throws EngineRequestError `QUEUE_FULL`, `INVALID_REQUEST` for what cannot cross to the process */
  open<Input, Event extends CallEvent>(operation: Operation<Input, Event>, input: Input): AsyncQueue<Event>;
  /** Passes an event of the engine process on to whoever reads the call. */
  deliver(callId: number, event: CallEvent): void;
  /** The engine process has ended a call, with an error where it failed. */
  end(callId: number, error: EngineErrorRecord | undefined): void;
  /** After a crash: fails what caused it, and what cannot be answered anew; the rest waits for the next process. */
  handleCrash(error: unknown): CrashOutcome;
  /** Gives a fresh process what is open, suspects of a crash one at a time. Throws nothing. */
  replay(): void;
  /** Gives the process all that waits, for no more will come. */
  sendAll(): void;
  failAll(error: unknown): void;
}

export interface CallTableOptions {
  /**
   * Hands a message to the present engine process. `false` while none is ready.
   * @throws what the channel cannot write
   */
  readonly send: (message: DaemonMessage) => boolean;
  readonly limits: () => CallLimits;
  /** A process answers, and counts for itself what it has. */
  readonly isAnswering: () => boolean;
}

/** How much of one call's answer may wait for its reader; the rest waits in the engine, where it takes least. */
const readerRoom = { high: 1000, low: 250 };

function cannotCross(cause: unknown): EngineRequestError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `the request cannot be sent to the engine process: ${why}`;
  return new EngineRequestError({ code: "INVALID_REQUEST", message }, { cause });
}

/** Creates an empty table. */
export function createCallTable(options: CallTableOptions): CallTable {
  const { send } = options;
  /** In the order in which a process is given them: suspects of a crash before new ones. */
  const calls = new Map<number, PendingCall>();
  let lastCallId = 0;
  let unsentCount = 0;
  let hasServed = false;
  /** The suspect of a crash that the process was given, until it shows that it is harmless. */
  let trialId: number | undefined;
  /** The process had no room for a call that an earlier one had taken; one that ends makes room. */
  let isFull = false;

  /** @throws EngineRequestError `INVALID_REQUEST` */
  const submit = (callId: number, call: PendingCall): void => {
    const { operation, input } = call;
    try {
      if (!send({ type: "call", callId, operation: operation.name, input })) return;
    } catch (cause) {
      throw cannotCross(cause);
    }
    call.isSent = true;
    unsentCount -= 1;
    if (isSuspect(call)) trialId = callId;
  };
  /** New calls wait until all suspects are cleared, which could fail them. */
  const isFree = (call: PendingCall): boolean =>
    (trialId === undefined && !isFull) || (call.operation.runsBeforeSuspects === true && !isSuspect(call));
  const sendWaiting = (maySend: (call: PendingCall) => boolean = isFree): void => {
    if (unsentCount === 0) return;
    for (const [callId, call] of calls) {
      if (call.isSent || !maySend(call)) continue;
      try {
        submit(callId, call);
      } catch (error) {
        drop(callId);
        call.queue.fail(error);
      }
    }
  };
  /** Takes it out; whether the process has it. */
  const drop = (callId: number): boolean => {
    const call = calls.get(callId);
    if (call === undefined) return false;
    calls.delete(callId);
    if (trialId === callId) trialId = undefined;
    if (call.isSent) isFull = false;
    else unsentCount -= 1;
    return call.isSent;
  };
  /** A call that ends leaves room for what waits. */
  const remove = (callId: number): void => {
    drop(callId);
    sendWaiting();
  };
  const cancel = (callId: number): void => {
    if (drop(callId)) send({ type: "cancel", callId });
    sendWaiting();
  };
  const refused = (callId: number, call: PendingCall, error: EngineErrorRecord): void => {
    const othersAreThere = calls.size - unsentCount > 1;
    // What was taken once is not refused for want of room.
    if (error.code === "QUEUE_FULL" && call.isAccepted && othersAreThere) {
      call.isSent = false;
      unsentCount += 1;
      isFull = true;
      if (trialId === callId) trialId = undefined;
      return;
    }
    call.queue.fail(new EngineRequestError(error));
    remove(callId);
  };
  const assertRoom = (sizeTokens: number): void => {
    if (unsentCount === 0 && options.isAnswering()) return;
    const limits = options.limits();
    const waiting = [...calls.values()].filter(({ isCounted }) => !isCounted);
    const tokens = waiting.reduce((sum, call) => sum + call.sizeTokens, sizeTokens);
    const refuse = (resource: "requests" | "tokens", wanted: number): void => {
      const limit = limits[resource];
      if (wanted <= limit) return;
      const { retryAfterMs } = limits;
      throw new EngineRequestError({
        code: "QUEUE_FULL",
        message: `at most ${limit} ${resource} may wait; with this request it would be ${wanted}`,
        data: { resource, limit, wanted, retryAfterMs },
      });
    };
    refuse("requests", waiting.length + 1);
    if (waiting.length > 0) refuse("tokens", tokens);
  };
  const open = (operation: AnyOperation, input: unknown): AsyncQueue<CallEvent> => {
    const callId = (lastCallId += 1);
    const tell = (type: "pause" | "resume") => (): void => {
      if (calls.get(callId)?.isSent === true) send({ type, callId });
    };
    const queue = new AsyncQueue<CallEvent>(() => cancel(callId), {
      ...readerRoom,
      weigh: (event) => operation.weigh?.(event) ?? 1,
      onFull: tell("pause"),
      onRoom: tell("resume"),
    });
    const call = createPendingCall({ operation, input, queue });
    assertRoom(call.sizeTokens);
    calls.set(callId, call);
    unsentCount += 1;
    try {
      if (isFree(call)) submit(callId, call);
    } catch (error) {
      drop(callId);
      throw error;
    }
    return queue;
  };
  /** Counts a part of an answer. */
  const advance = (callId: number, call: PendingCall): void => {
    hasServed = true;
    call.eventCount += 1;
    if (trialId !== callId || !isCleared(call)) return;
    trialId = undefined;
    sendWaiting();
  };
  const prepareReplay = (call: PendingCall): void => {
    if (call.eventCount > 0) call.queue.push({ type: "restarted" });
    call.isCounted = false;
    call.furthestCount = Math.max(call.furthestCount, call.eventCount);
    call.eventCount = 0;
    call.isSent = false;
    unsentCount += 1;
  };
  /** Should one of them be the cause after all, the other suspects are through by then. */
  const putBehindSuspects = (callIds: ReadonlySet<number>): void => {
    const rankOf = ([callId, call]: readonly [number, PendingCall]): number =>
      callIds.has(callId) ? 1 : isSuspect(call) ? 0 : 2;
    const inOrder = [...calls].sort((a, b) => rankOf(a) - rankOf(b));
    calls.clear();
    for (const [callId, call] of inOrder) calls.set(callId, call);
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
      // A cancelled call's last events were on their way.
      if (call === undefined || !call.isSent) return;
      call.isCounted = true;
      if (event.type === "accepted") {
        // The second one, after a crash, tells the reader nothing new.
        if (!call.isAccepted) call.queue.push(event);
        call.isAccepted = true;
        return;
      }
      call.queue.push(event);
      advance(callId, call);
    },
    end: (callId, error) => {
      const call = calls.get(callId);
      if (call === undefined || !call.isSent) return;
      if (error !== undefined) return refused(callId, call, error);
      hasServed = true;
      call.queue.complete();
      remove(callId);
    },
    handleCrash: (error) => {
      const { failed, replayed, isAttributed } = attributeCrash(calls, trialId);
      trialId = undefined;
      for (const callId of failed) {
        const call = calls.get(callId);
        drop(callId);
        call?.queue.fail(error);
      }
      for (const callId of replayed) {
        const call = calls.get(callId);
        if (call !== undefined) prepareReplay(call);
      }
      if (isAttributed) putBehindSuspects(new Set(replayed));
      return { failedRequestCount: failed.length, replayedRequestCount: calls.size, isAttributed };
    },
    replay: () => {
      hasServed = false;
      isFull = false;
      sendWaiting();
    },
    sendAll: () => sendWaiting(() => true),
    failAll: (error) => {
      const open = [...calls.values()];
      calls.clear();
      unsentCount = 0;
      trialId = undefined;
      for (const { queue } of open) queue.fail(error);
    },
  };
}
