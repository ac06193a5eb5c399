import { createSeriesScope, type MetricRegistry } from "@infernode/health";

/** What a gateway knows when its metrics are read. */
export interface GatewaySample {
  readonly queuedRequestCount: number;
  readonly backends: readonly { readonly id: string; readonly isHealthy: boolean }[];
  readonly places: readonly {
    readonly backend: string;
    readonly model: string;
    readonly inFlight: number;
    readonly circuit: "closed" | "open" | "half-open";
  }[];
}

/** Metrics of a gateway. */
export interface GatewayMetricFamilies {
  /** Counts an attempt at a backend. */
  attempt(sample: { readonly backend: string; readonly outcome: string }): void;
  observe(sample: GatewaySample): void;
}

/** Creates the metrics of a gateway. */
export function createGatewayMetricFamilies(registry: MetricRegistry): GatewayMetricFamilies {
  const scope = createSeriesScope(registry);
  const attempts = scope.counter({
    name: "infernode_gateway_attempts_total",
    help: "Attempts at backends by how they ended.",
    labelNames: ["backend", "outcome"],
  });
  const queued = scope.gauge({
    name: "infernode_gateway_queued_requests",
    help: "Requests that wait for a backend.",
  });
  const healthy = scope.gauge({
    name: "infernode_gateway_backend_healthy",
    help: "1 for a backend that takes requests, 0 for one that is known and does not.",
    labelNames: ["backend"],
  });
  const inFlight = scope.gauge({
    name: "infernode_gateway_requests_in_flight",
    help: "Requests that a backend answers, by model.",
    labelNames: ["backend", "model_name"],
  });
  const open = scope.gauge({
    name: "infernode_gateway_circuit_open",
    help: "1 while the circuit breaker of a model of a backend lets no request or only a probe through.",
    labelNames: ["backend", "model_name"],
  });
  return {
    attempt: ({ backend, outcome }) => attempts(1, { backend, outcome }),
    observe({ queuedRequestCount, backends, places }) {
      queued(queuedRequestCount);
      for (const { id, isHealthy } of backends) healthy(isHealthy ? 1 : 0, { backend: id });
      for (const { backend, model, ...place } of places) {
        const labels = { backend, model_name: model };
        inFlight(place.inFlight, labels);
        open(place.circuit === "closed" ? 0 : 1, labels);
      }
    },
  };
}
