import type { PendingCall } from "./pending-call.ts";

/** A call that may have caused so many crashes is not sent to another process. */
const maxCrashes = 3;

/** A call and its number. */
export type CallEntry = readonly [callId: number, call: PendingCall];

/** What a crash means for the calls. */
export interface CrashAttribution {
  /** Ids of calls that fail. */
  readonly failed: readonly number[];
  /** Ids of calls that the process had and that are sent to the next one. */
  readonly replayed: readonly number[];
  /** One call most likely caused the crash; it is among the failed. */
  readonly isAttributed: boolean;
}

/**
 * The call that caused a crash, where that can be said: a suspect of an earlier crash that was alone, that was on
 * trial when all others had been cleared, or that is the only one to have got exactly as far as at its earlier crash.
 */
function findCause(inFlight: readonly CallEntry[], trialId: number | undefined): number | undefined {
  const [first] = inFlight;
  if (inFlight.length === 1 && first?.[1].isSuspect === true) return first[0];
  const trial = inFlight.find(([callId]) => callId === trialId);
  if (trial !== undefined && trial[1].crashCount > 1) return trialId;
  const repeated = inFlight.filter(([, call]) => call.isSuspect && call.eventCount === call.maxEventCount);
  return repeated.length === 1 ? repeated[0]?.[0] : undefined;
}

/**
 * Decides which calls fail with a crash. If one of them was the cause, the others are not to blame; otherwise all
 * calls in flight are suspects. `trialId` is the suspect that was sent last and has not been cleared.
 */
export function attributeCrash(
  calls: ReadonlyMap<number, PendingCall>,
  trialId: number | undefined,
): CrashAttribution {
  const inFlight = [...calls].filter(([, { isSent }]) => isSent);
  const causeId = findCause(inFlight, trialId);
  const failed: number[] = [];
  const replayed: number[] = [];
  for (const [callId, call] of inFlight) {
    if (causeId === undefined) call.crashCount += 1;
    const isReplayed = callId !== causeId && call.crashCount < maxCrashes && call.canReplay;
    (isReplayed ? replayed : failed).push(callId);
  }
  return { failed, replayed, isAttributed: causeId !== undefined };
}
