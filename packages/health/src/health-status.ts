/** From best to worst. `degraded` still works. */
export type HealthLevel = "healthy" | "degraded" | "unhealthy";

/** A level with its reasons. `reasons` is empty only when healthy. */
export interface HealthStatus {
  readonly status: HealthLevel;
  readonly reasons: readonly string[];
}

/** A check of one component. Runs often; must not block. */
export interface HealthCheck {
  readonly name: string;
  check(): HealthStatus | Promise<HealthStatus>;
}

/** The combined result of all checks of a checker. */
export interface HealthReport extends HealthStatus {
  readonly checks: Readonly<Record<string, HealthStatus>>;
}

/** The part of a checker that registers checks. */
export interface HealthProvider {
  /** Returns a function that removes the check. */
  addCheck(check: HealthCheck): () => void;
}

/** Runs every check; the worst level wins. */
export interface HealthChecker extends HealthProvider {
  report(): Promise<HealthReport>;
}
