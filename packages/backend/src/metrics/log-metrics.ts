import { createSeriesScope, type MetricRegistry } from "@infernode/health";
import { createTotalCounter } from "./total-counter.ts";

/** Metrics of the log. */
export interface LogMetrics {
  /** Lines that were dropped since the start. */
  droppedLines(total: number): void;
}

/** Creates the count of log lines that were dropped because nobody took them. */
export function createLogMetrics(registry: MetricRegistry): LogMetrics {
  const dropped = createSeriesScope(registry).counter({
    name: "infernode_log_lines_dropped_total",
    help: "Lines of the log that were dropped: the disk was full, or the reader gone or too slow.",
  });
  return { droppedLines: createTotalCounter(dropped) };
}
