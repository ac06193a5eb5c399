import { collectDefaultMetrics, type Registry } from "prom-client";
import { assertKnownOptions } from "../options.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { assertNameIsFree } from "./series-scope.ts";

/**
 * Adds prom-client's metrics of the process (CPU, memory, handles, garbage collection) to a registry. They
 * observe the process until it ends: call it once.
 * @throws HealthError `INVALID_OPTION`, `METRIC_CONFLICT` when the registry has them already
 */
export function createProcessMetrics(options: { readonly registry?: Registry } = {}): Metrics {
  assertKnownOptions("createProcessMetrics", options, ["registry"]);
  const metrics = createMetrics(options.registry);
  assertNameIsFree(metrics.registry, "process_cpu_user_seconds_total");
  collectDefaultMetrics({ register: metrics.registry });
  return metrics;
}
