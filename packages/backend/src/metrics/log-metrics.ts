import { createSeriesScope, type MetricRegistry } from "@infernode/health";
import { createTotalCounter } from "./total-counter.ts";

/** Log metrics. */
export interface LogMetrics {
  /** Sets the number of lines dropped since the start. */
  droppedLines(total: number): void;
}

/** Creates the counter of dropped log lines. */
export function createLogMetrics(registry: MetricRegistry): LogMetrics {
  const dropped = createSeriesScope(registry).counter({
    name: "infernode_log_lines_dropped_total",
    help: "Log lines dropped because the disk was full, or the reader closed or too slow.",
  });
  return { droppedLines: createTotalCounter(dropped) };
}
