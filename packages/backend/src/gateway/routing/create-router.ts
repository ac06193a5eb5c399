import { ApiError } from "../../api/shared/api-error.ts";
import { describeValue } from "../../text/describe-value.ts";
import type { BackendTable } from "../backends/backend-table.ts";
import type { Lease, Router, RouteRequest } from "../router.ts";
import { findChoices, loadOf, type Choice } from "./choices.ts";
import type { CircuitState } from "./circuit-breaker.ts";
import { createPolicies } from "./create-policies.ts";
import { findOnlyModel, findServing, type Serving } from "./find-serving.ts";
import { mergeModels } from "./merge-models.ts";
import { createPlaces, endAt, type Place } from "./places.ts";
import { systemRouterClock, type RouterClock, type RoutingSettings } from "./router-options.ts";
import { compileRules, type RouteDecision } from "./rules.ts";
import { createWaitQueue } from "./wait-queue.ts";

/** What a router needs. Defaults in brackets. */
export interface RouterContext {
  readonly table: BackendTable;
  readonly settings: RoutingSettings;
  /** [the system's] */
  readonly clock?: RouterClock | undefined;
  /** From 0 to 1. [`Math.random`] */
  readonly random?: (() => number) | undefined;
}

/** What a router knows of a model of a backend. */
export interface PlaceStatus {
  readonly backend: string;
  readonly model: string;
  readonly inFlight: number;
  readonly circuit: CircuitState;
}

/** A router by policies and rules. */
export interface ConfigurableRouter extends Router {
  /** Replaces the settings; what is known of backends stays. */
  configure(settings: RoutingSettings): void;
  readonly queuedCount: number;
  /** Places that were used. */
  places(): readonly PlaceStatus[];
  /** Ends the subscription to the table. */
  dispose(): void;
}

const retryAfterMs = 2000;

/** Creates a router over a table of backends. */
export function createRouter({ table, settings, clock, random }: RouterContext): ConfigurableRouter {
  const time = clock ?? systemRouterClock;
  let current = settings;
  const createParts = () => ({
    findRule: compileRules(current.rules),
    policies: createPolicies({
      random: random ?? Math.random,
      prefixLoadFactor: current.prefixLoadFactor,
    }),
  });
  let parts = createParts();
  const places = createPlaces(time, () => current);
  const queue = createWaitQueue<Lease>(time);

  const placeOf = ({ known, model }: Serving): Place => places.of(known.backend.id, model?.id ?? "");

  const decide = (request: RouteRequest, name: string | undefined): RouteDecision | undefined =>
    parts.findRule({
      ...request,
      model: name,
      load: () => {
        const healthy = findServing(table.list(), name).filter(({ known }) => known.isHealthy);
        const sum = healthy.reduce((total, each) => total + loadOf(each, placeOf(each)), 0);
        return healthy.length === 0 ? 0 : sum / healthy.length;
      },
    });

  /** Requests that wait try again when the next one may be let through. */
  const wakeForProbe = ({ breaker }: Place, beforeMs: number | undefined): void => {
    const { retryAtMs } = breaker;
    if (retryAtMs === undefined || retryAtMs === beforeMs) return;
    time.after(retryAtMs - time.now(), () => queue.wake());
  };

  const lease = ({ place, serving }: Choice, upstreamModel: string | undefined): Lease | undefined => {
    const beforeMs = place.breaker.retryAtMs;
    const pass = place.breaker.enter();
    if (pass === undefined) return undefined;
    wakeForProbe(place, beforeMs);
    place.inFlight += 1;
    return {
      backend: serving.known.backend,
      upstreamModel,
      begin: () => {
        pass.begin();
        if (beforeMs !== undefined) queue.wake();
      },
      end: (outcome) => {
        const beforeMs = place.breaker.retryAtMs;
        endAt(place, pass, { outcome, nowMs: time.now() });
        wakeForProbe(place, beforeMs);
        queue.wake();
      },
    };
  };

  /** `undefined` if a backend may take the request later. */
  const attempt = (request: RouteRequest, tried: ReadonlySet<string>): Lease | undefined => {
    const all = table.list();
    const asked = request.model ?? (request.owner === undefined ? findOnlyModel(all) : undefined);
    const decision = request.owner === undefined ? decide(request, asked) : undefined;
    const name = decision?.model ?? asked;
    const left = findServing(all, name).filter(
      ({ known: { backend } }) =>
        !tried.has(backend.id) &&
        (request.owner === undefined || request.owner === backend.id) &&
        (decision?.acceptsBackend(backend.id) ?? true),
    );
    if (left.length === 0) throw unavailable(name);
    const choices = findChoices(
      left.map((serving) => ({ serving, place: placeOf(serving) })),
      { maxInFlight: current.maxInFlight, nowMs: time.now() },
    );
    const policy = parts.policies[decision?.policy ?? current.policy];
    const chosen = policy.choose(choices, { ...request, model: name ?? "" });
    // A request that names no model is passed on as it is: the backend knows whether it needs one.
    return chosen === undefined ? undefined : lease(chosen, decision?.model ?? request.model);
  };

  const unsubscribe = table.subscribe?.(() => {
    places.keepOnly(new Set(table.list().map(({ backend }) => backend.id)));
    queue.wake();
  });

  return {
    async acquire(request, tried, signal) {
      signal.throwIfAborted();
      const found = attempt(request, tried);
      if (found !== undefined) return found;
      return queue.wait(
        {
          attempt: () => attempt(request, tried),
          signal,
          onTimeout: () => unavailable(request.model),
        },
        { maxQueued: current.maxQueued, timeoutMs: current.queueTimeoutMs },
      );
    },
    models: () => mergeModels(table.list()),
    backends: () => table.list().flatMap(({ backend, isHealthy }) => (isHealthy ? [backend] : [])),
    configure(next) {
      current = next;
      parts = createParts();
      queue.wake();
    },
    get queuedCount() {
      return queue.length;
    },
    places: () =>
      places.list().map(({ backendId, modelId, inFlight, breaker }) => ({
        backend: backendId,
        model: modelId,
        inFlight,
        circuit: breaker.state,
      })),
    dispose: () => unsubscribe?.(),
  };
}

function unavailable(name: string | undefined): ApiError {
  const subject = name === undefined ? "this request" : `the model ${describeValue(name)}`;
  return new ApiError("backend_unavailable", `No backend takes requests for ${subject} now`, {
    retryAfterMs,
  });
}
