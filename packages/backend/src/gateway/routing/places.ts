import type { LeaseOutcome } from "../router.ts";
import { createCircuitBreaker, type CircuitBreaker, type CircuitPass } from "./circuit-breaker.ts";
import type { RouterClock, RoutingSettings } from "./router-options.ts";

/** A model of a backend, and the requests that were sent there. */
export interface Place {
  readonly backendId: string;
  readonly modelId: string;
  readonly breaker: CircuitBreaker;
  inFlight: number;
  /** Others are preferred until then, as it answered that it takes no request. */
  refusesUntilMs: number;
}

/** All places that were used. */
export interface Places {
  of(backendId: string, modelId: string): Place;
  list(): readonly Place[];
  /** Forgets those of backends that are gone, and that have no request in flight. */
  keepOnly(backendIds: ReadonlySet<string>): void;
}

/** The longest time without a probe: a backend that comes back is used again soon. */
const maxOpenMs = 30_000;
/** A backend with a full queue makes room at any time. */
const refusalMs = 500;

/** Creates places without requests. */
export function createPlaces(clock: RouterClock, settings: () => RoutingSettings): Places {
  const places = new Map<string, Place>();
  const create = (backendId: string, modelId: string): Place => {
    const breaker = createCircuitBreaker({
      get failureCount() {
        return settings().circuitFailures;
      },
      get openMs() {
        return settings().circuitOpenMs;
      },
      get maxOpenMs() {
        return Math.max(maxOpenMs, settings().circuitOpenMs);
      },
      now: () => clock.now(),
    });
    return { backendId, modelId, breaker, inFlight: 0, refusesUntilMs: 0 };
  };
  return {
    of(backendId, modelId) {
      const key = `${backendId}\n${modelId}`;
      const place = places.get(key) ?? create(backendId, modelId);
      places.set(key, place);
      return place;
    },
    list: () => [...places.values()],
    keepOnly(backendIds) {
      for (const [key, { backendId, inFlight }] of places) {
        if (inFlight === 0 && !backendIds.has(backendId)) places.delete(key);
      }
    },
  };
}

/** Notes how a request at a place ended. */
export function endAt(place: Place, pass: CircuitPass, end: { outcome: LeaseOutcome; nowMs: number }): void {
  place.inFlight -= 1;
  switch (end.outcome) {
    case "completed":
      pass.succeed();
      break;
    case "refused":
      // It lives: it is busy or drains.
      pass.succeed();
      place.refusesUntilMs = end.nowMs + refusalMs;
      break;
    case "cancelled":
      pass.abandon();
      break;
    case "failed-before-first-byte":
    case "failed-midstream":
      pass.fail();
      break;
  }
}
