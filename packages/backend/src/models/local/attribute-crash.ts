import { canReplay, isSuspect, type PendingCall } from "./pending-call.ts";

/** A call that may have caused so many crashes is not given to another process. */
const maxCrashes = 3;

type Entry = readonly [callId: number, call: PendingCall];

/** What a crash means for the calls. */
export interface CrashAttribution {
  /** Ids of calls that fail with it. */
  readonly failed: readonly number[];
  /** Ids of calls that the process had, and that the next one is given. */
  readonly replayed: readonly number[];
  /** It was most likely caused by one call, which is among the failed. */
  readonly isAttributed: boolean;
}

/** It got exactly as far as at its earlier crash. */
function isWhereItWas(call: PendingCall): boolean {
  return isSuspect(call) && call.eventCount === call.furthestCount;
}

/**
 * The call that caused a crash, where that can be said: a suspect of an earlier crash that was alone, that was on
 * a trial in which all others were cleared of being the cause, or that alone of all is where it was before.
 */
function findCause(inFlight: readonly Entry[], trialId: number | undefined): number | undefined {
  const [first] = inFlight;
  if (inFlight.length === 1 && first !== undefined && isSuspect(first[1])) return first[0];
  const trial = inFlight.find(([callId]) => callId === trialId);
  if (trial !== undefined && trial[1].crashCount > 1) return trialId;
  const repeated = inFlight.filter(([, call]) => isWhereItWas(call));
  return repeated.length === 1 ? repeated[0]?.[0] : undefined;
}

/**
 * Decides which calls a crash fails. Where one of them was the cause, the others had no part in it; otherwise all
 * that were in flight are suspects. `trialId` is the suspect that was given to the process last, and that has not
 * been cleared.
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
    const mayReplay = callId !== causeId && call.crashCount < maxCrashes && canReplay(call);
    (mayReplay ? replayed : failed).push(callId);
  }
  return { failed, replayed, isAttributed: causeId !== undefined };
}
