export type { HealthClock } from "./clock.ts";
export { HealthError } from "./errors.ts";
export type { HealthErrorCode } from "./errors.ts";
export type { HealthEvent, HealthEventMap, HealthEventSink } from "./events.ts";
export { createHealthChecker } from "./health-checker.ts";
export type { HealthCheckerOptions, RememberingHealthChecker } from "./health-checker.ts";
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
export { createGpuMetrics } from "./metrics/gpu-metrics.ts";
export type { GpuMetrics, GpuSample } from "./metrics/gpu-metrics.ts";
export { createHttpMetrics } from "./metrics/http-metrics.ts";
export type { HttpMetrics, HttpSample } from "./metrics/http-metrics.ts";
export { createInferenceMetrics } from "./metrics/inference-metrics.ts";
export type { InferenceMetrics, InferenceMetricsOptions } from "./metrics/inference-metrics.ts";
export type {
  CacheConfigSample,
  EngineCrashedSample,
  EngineStatsSample,
  FirstTokenSample,
  RequestFinishedSample,
  RequestQueuedSample,
  RequestScheduledSample,
  StepFinishedSample,
} from "./metrics/inference-samples.ts";
export { createLogMetrics } from "./metrics/log-metrics.ts";
export type { LogMetricsOptions } from "./metrics/log-metrics.ts";
export { createMemoryMetrics } from "./metrics/memory-metrics.ts";
export type { MemoryLedgerSample, MemoryMetrics, MemoryPoolSample } from "./metrics/memory-metrics.ts";
export { createMetrics } from "./metrics/metrics.ts";
export type { Metrics } from "./metrics/metrics.ts";
export { createProcessMetrics } from "./metrics/process-metrics.ts";
export { createProgressCheck } from "./progress-check.ts";
export type { ProgressCheck, ProgressCheckOptions } from "./progress-check.ts";
export { createReadinessGate } from "./readiness-gate.ts";
export type { HoldReason, ReadinessGate } from "./readiness-gate.ts";
