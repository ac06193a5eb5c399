export type { HealthClock } from "./clock.ts";
export { HealthError } from "./errors.ts";
export type { HealthErrorCode } from "./errors.ts";
export type { HealthEvent, HealthEventMap, HealthEventSink } from "./events.ts";
export { createHealthChecker } from "./health-checker.ts";
export type { HealthCheckerOptions, StatefulHealthChecker } from "./health-checker.ts";
export { startHealthMonitor } from "./health-monitor.ts";
export type { HealthMonitor, HealthMonitorOptions } from "./health-monitor.ts";
export type {
  HealthCheck,
  HealthChecker,
  HealthLevel,
  HealthProvider,
  HealthReport,
  HealthStatus,
} from "./health-status.ts";
export { createEventLoopMetrics } from "./metrics/event-loop-metrics.ts";
export type { EventLoopMetrics } from "./metrics/event-loop-metrics.ts";
export { createMetrics } from "./metrics/metrics.ts";
export type { MetricRegistry, Metrics } from "./metrics/metrics.ts";
export { createProcessMetrics } from "./metrics/process-metrics.ts";
export { createSeriesScope } from "./metrics/series-scope.ts";
export type {
  FamilyDefinition,
  HistogramDefinition,
  LabelValues,
  Observer,
  Recorder,
  SeriesScope,
} from "./metrics/series-scope.ts";
export { createProgressCheck } from "./progress-check.ts";
export type { ProgressCheck, ProgressCheckOptions } from "./progress-check.ts";
export { createReadinessGate } from "./readiness-gate.ts";
export type { HoldReason, ReadinessGate } from "./readiness-gate.ts";
