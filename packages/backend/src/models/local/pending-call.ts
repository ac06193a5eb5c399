import type { AnyOperation, CallEvent } from "../../operations/operation.ts";
import type { AsyncQueue } from "../async-queue.ts";

/** A call that is not finished, as the daemon keeps it. */
export interface PendingCall {
  readonly operation: AnyOperation;
  readonly input: unknown;
  readonly queue: AsyncQueue<CallEvent>;
  /** About how many tokens it has while no process counts them. */
  readonly sizeTokens: number;
  /** Some process has queued it. */
  isAccepted: boolean;
  /** The present process has it. */
  isSent: boolean;
  /** The present process has answered: from then on its own bounds count the call. */
  isCounted: boolean;
  /** Parts of the answer that the present process gave, the acceptance not among them. */
  eventCount: number;
  /** The most that a process gave before it crashed. */
  furthestCount: number;
  /** Crashes that it may have caused: it was in flight, and nothing says that another call was the cause. */
  crashCount: number;
}

/** A call that no process has yet. */
export function createPendingCall({
  operation,
  input,
  queue,
}: Pick<PendingCall, "operation" | "input" | "queue">): PendingCall {
  return {
    operation,
    input,
    queue,
    sizeTokens: operation.sizeTokens?.(input) ?? 0,
    isAccepted: false,
    isSent: false,
    isCounted: false,
    eventCount: 0,
    furthestCount: 0,
    crashCount: 0,
  };
}

/** It may be what crashed an earlier process. */
export function isSuspect({ crashCount }: PendingCall): boolean {
  return crashCount > 0;
}

/**
 * A suspect has shown that it is harmless: after one crash by the first part of its answer, after two by coming
 * further than it ever had.
 */
export function isCleared({ crashCount, furthestCount, eventCount }: PendingCall): boolean {
  return eventCount > (crashCount > 1 ? furthestCount : 0);
}

/** A second run cannot take back what a reader has of the first, unless the reader can drop it. */
export function canReplay({ eventCount, operation, input }: PendingCall): boolean {
  return eventCount === 0 || operation.canRestart?.(input) === true;
}
