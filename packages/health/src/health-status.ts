/** From best to worst. `degraded` still does its work. */
export type HealthLevel = "healthy" | "degraded" | "unhealthy";

/** A state and why it is so. `reasons` is empty only when healthy. */
export interface HealthStatus {
  readonly status: HealthLevel;
  readonly reasons: readonly string[];
}

/** One thing that can be asked how it is. May be asked often; must not block. */
export interface HealthCheck {
  readonly name: string;
  check(): HealthStatus | Promise<HealthStatus>;
}

/** What all checks of a checker said, taken together. */
export interface HealthReport extends HealthStatus {
  readonly checks: Readonly<Record<string, HealthStatus>>;
}

/** Where checks are added; the part of a checker that others are given. */
export interface HealthProvider {
  /** Answers a function that takes the check out again. */
  addCheck(check: HealthCheck): () => void;
}

/** Asks every check; the worst level wins and its reasons are kept. */
export interface HealthChecker extends HealthProvider {
  report(): Promise<HealthReport>;
}
