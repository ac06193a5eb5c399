import type { Serving } from "./find-serving.ts";
import type { Place } from "./places.ts";
import type { Candidate } from "./policies/policy.ts";

/** A backend that may get a request now. */
export interface Choice extends Candidate {
  readonly serving: Serving;
  readonly place: Place;
}

/** What decides whether a backend may get a request now. */
export interface ChoiceLimits {
  readonly maxInFlight: number;
  readonly nowMs: number;
}

/** Requests that a model of a backend runs or queues. What it reports includes those of this gateway, late. */
export function loadOf({ model }: Serving, { inFlight }: Place): number {
  return Math.max(inFlight, model?.load?.requests ?? 0);
}

function isOpen({ known, model }: Serving, place: Place, maxInFlight: number): boolean {
  if (!known.isHealthy || model?.isReady === false) return false;
  return place.breaker.isPassable && place.inFlight < maxInFlight;
}

/** Those that may get a request now; those that lately answered that they take none only where there is no other. */
export function findChoices(
  places: readonly { readonly serving: Serving; readonly place: Place }[],
  { maxInFlight, nowMs }: ChoiceLimits,
): readonly Choice[] {
  const open = places
    .filter(({ serving, place }) => isOpen(serving, place, maxInFlight))
    .map(({ serving, place }) => ({
      id: serving.known.backend.id,
      weight: serving.known.weight ?? 1,
      load: loadOf(serving, place),
      freeKvShare: serving.model?.load?.freeKvShare,
      cached: serving.model?.prefixes,
      serving,
      place,
    }));
  const willing = open.filter(({ place }) => place.refusesUntilMs <= nowMs);
  return willing.length > 0 ? willing : open;
}
