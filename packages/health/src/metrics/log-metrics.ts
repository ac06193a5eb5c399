import { Counter, type Registry } from "prom-client";
import { assertKnownOptions } from "../options.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { assertNameIsFree } from "./series-scope.ts";

const droppedName = "infernode_log_lines_dropped_total";

/** What `createLogMetrics` takes. */
export interface LogMetricsOptions {
  readonly registry?: Registry;
  /** Lines of the log that could not be written since the start; read at each scrape. */
  readonly droppedLineCount: () => number;
}

/**
 * Adds the count of log lines that were dropped because nobody took them.
 * @throws HealthError `INVALID_OPTION`, `METRIC_CONFLICT` when the registry has it already
 */
export function createLogMetrics(options: LogMetricsOptions): Metrics {
  assertKnownOptions("createLogMetrics", options, ["registry", "droppedLineCount"]);
  const metrics = createMetrics(options.registry);
  assertNameIsFree(metrics.registry, droppedName);
  const dropped = new Counter({
    name: droppedName,
    help: "Lines of the log that were dropped: the disk was full, or the reader gone or too slow.",
    registers: [metrics.registry],
    collect() {
      dropped.reset();
      dropped.inc(options.droppedLineCount());
    },
  });
  return metrics;
}
