import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Registry } from "prom-client";
import { assertKnownOptions, assertPositive } from "../options.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { promClient } from "./prom-client.ts";
import { assertNameIsFree } from "./series-scope.ts";

/** Event-loop metrics of this process. */
export interface EventLoopMetrics extends Metrics, Disposable {
  /** The longest delay since the start, in milliseconds. */
  maxDelayMs(): number;
  /** Resets the maximum, for example after startup, which blocks the loop. */
  restart(): void;
  /** Stops measuring and removes the metrics. */
  dispose(): void;
}

const percentiles = [50, 90, 99, 100] as const;
const delayName = "infernode_event_loop_delay_seconds";
const maxName = "infernode_event_loop_delay_max_seconds";

/**
 * Starts to measure the delay of the event loop: percentiles since the last scrape and the maximum since the
 * start. A timer of `resolutionMs` measures it; its own interval is subtracted.
 * @throws HealthError `INVALID_OPTION`, `METRIC_CONFLICT` when the registry already has the metrics
 */
export function createEventLoopMetrics(
  options: { readonly registry?: Registry; readonly resolutionMs?: number } = {},
): EventLoopMetrics {
  assertKnownOptions("createEventLoopMetrics", options, ["registry", "resolutionMs"]);
  const { resolutionMs = 10 } = options;
  assertPositive("resolutionMs", resolutionMs);
  const metrics = createMetrics(options.registry);
  const { registry } = metrics;
  assertNameIsFree(registry, delayName);
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let earlierMaxMs = 0;

  const toDelayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const maxDelayMs = (): number =>
    Math.max(earlierMaxMs, histogram.count === 0 ? 0 : toDelayMs(histogram.max));

  const { Gauge } = promClient();
  const delay = new Gauge({
    name: delayName,
    help: "Event loop delay since the last scrape, in seconds.",
    // Not "quantile", which the format reserves for summaries.
    labelNames: ["percentile"],
    registers: [registry],
    collect() {
      earlierMaxMs = maxDelayMs();
      max.set(earlierMaxMs / 1000);
      // Nothing was measured since the last scrape: keep the previous values.
      if (histogram.count === 0) return;
      for (const percentile of percentiles) {
        delay.set({ percentile }, toDelayMs(histogram.percentile(percentile)) / 1000);
      }
      histogram.reset();
    },
  });
  const max = new Gauge({
    name: maxName,
    help: "Maximum event loop delay since the start, in seconds.",
    registers: [registry],
  });

  function restart(): void {
    histogram.reset();
    earlierMaxMs = 0;
  }

  function dispose(): void {
    histogram.disable();
    registry.removeSingleMetric(delayName);
    registry.removeSingleMetric(maxName);
  }

  return { ...metrics, maxDelayMs, restart, dispose, [Symbol.dispose]: dispose };
}
