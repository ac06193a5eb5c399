import type { Registry } from "prom-client";
import { assertKnownOptions } from "../options.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { promClient } from "./prom-client.ts";
import { assertNameIsFree } from "./series-scope.ts";

/**
 * Adds prom-client's default metrics (CPU, memory, handles, garbage collection) to a registry. They observe the
 * process until it exits: call this once.
 * @throws HealthError `INVALID_OPTION`, `METRIC_CONFLICT` when the registry already has the metrics
 */
export function createProcessMetrics(options: { readonly registry?: Registry } = {}): Metrics {
  assertKnownOptions("createProcessMetrics", options, ["registry"]);
  const metrics = createMetrics(options.registry);
  assertNameIsFree(metrics.registry, "process_cpu_user_seconds_total");
  promClient().collectDefaultMetrics({ register: metrics.registry });
  return metrics;
}
