import type { HealthChecker } from "@infernode/health";
import type { Logger } from "pino";
import type { WireFormats } from "../../api/shared/wire-format.ts";
import type { HttpClock, IdSource, ServerMetrics } from "../../http/http-server-options.ts";
import type { Router } from "../router.ts";
import type { AttemptSample } from "./proxy-request.ts";
import type { RetryLimits } from "./retry-budget.ts";
import type { UpstreamLimits } from "./upstream.ts";

/** Limits of the server; `InfernodeConfig.server` fits. */
export interface GatewayServerConfig {
  readonly bodyLimitBytes: number | undefined;
  readonly bodyMemoryBytes: number;
  readonly maxConnections: number;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** Time that an idle connection has for one more request when the server closes. [250] */
  readonly idleGraceMs?: number;
}

/** Limits of attempts at backends, which may change while the server runs; `InfernodeConfig.gateway` fits. */
export interface GatewayLimits extends UpstreamLimits, RetryLimits {
  /** Backends that one request may try. */
  readonly maxAttempts: number;
}

/** The metrics that the gateway exposes, and reports to. */
export interface GatewayMetrics extends ServerMetrics {
  /** Called at the end of each attempt. */
  observeAttempt(sample: AttemptSample): void;
}

/** What a gateway's server works with. It does not own and does not dispose these. */
export interface GatewayServerOptions {
  readonly router: Router;
  /** Whose paths are passed on, and whose errors are written. */
  readonly formats: WireFormats;
  readonly health: Pick<HealthChecker, "report">;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly config: GatewayServerConfig;
  /** Read for each request. */
  readonly limits: () => GatewayLimits;
  /** All that is known of the backends, for who looks after the gateway. */
  readonly report: () => object;
  readonly version: string;
  readonly clock: HttpClock;
  readonly ids: IdSource;
}
