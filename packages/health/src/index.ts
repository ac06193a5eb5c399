export type {
  HealthCheck,
  HealthChecker,
  HealthLevel,
  HealthProvider,
  HealthReport,
  HealthStatus,
} from "./health-status.ts";
