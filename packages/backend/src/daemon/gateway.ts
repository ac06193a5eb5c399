import { createHealthChecker, type HealthStatus } from "@infernode/health";
import type { GatewaySettings, InfernodeConfig } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import type { KnownBackend } from "../gateway/backends/backend-table.ts";
import { createRouter } from "../gateway/routing/create-router.ts";
import type { HttpServer } from "../http/http-server-options.ts";
import { randomId } from "../http/connection/request-id.ts";
import type { DaemonLog } from "../log/create-logger.ts";
import { packageVersion } from "../package-version.ts";
import type { DaemonAddress } from "./daemon.ts";
import { createGatewayBackends, type Environment } from "./gateway-backends.ts";
import { createGatewayMetrics } from "./gateway-metrics.ts";
import { reportGateway } from "./gateway-report.ts";
import { resolveServerLimits } from "./server-limits.ts";

/** A server that passes requests on to backends. */
export interface Gateway extends AsyncDisposable {
  /** `undefined` before `start`. */
  readonly address: DaemonAddress | undefined;
  /** All backends that are known. */
  backends(): readonly KnownBackend[];
  /** Listens. @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED`, `INVALID_CONFIG`, `INVALID_STATE` */
  start(): Promise<DaemonAddress>;
  /**
   * Resolves when the lists of backends that were named are known, or some time has passed: requests that come before
   * may not find their model.
   */
  ready(): Promise<void>;
  /** Takes other settings of the section `gateway`; requests that run go on. */
  reload(settings: GatewaySettings): Promise<void>;
  /** Lets running requests finish within the drain timeout, aborts the rest, and disposes of everything. */
  stop(reason: string): Promise<void>;
}

/** What a gateway is composed with besides its configuration. */
export interface GatewayContext extends DaemonLog {
  /** Has the keys of backends or the key that decrypts them, and Consul's token. */
  readonly environment: Environment;
}

/** Composes a gateway from its configuration; it does not listen before `start`. */
export function createGateway(config: InfernodeConfig, context: GatewayContext): Gateway {
  const { logger, environment } = context;
  let settings = config.gateway;
  let isDraining = false;
  const backends = createGatewayBackends(config, { environment, logger });
  const { table } = backends;
  const router = createRouter({ table, settings });
  const checkModels = (): HealthStatus => {
    if (isDraining) return { status: "unhealthy", reasons: ["the gateway is draining"] };
    const away = table.list().filter(({ isHealthy }) => !isHealthy);
    const reasons = away.map(({ backend }) => `the backend ${backend.id} takes no requests`);
    if (!router.models().some(({ isReady }) => isReady)) {
      return { status: "unhealthy", reasons: ["no model has a backend that takes requests", ...reasons] };
    }
    return reasons.length === 0 ? { status: "healthy", reasons } : { status: "degraded", reasons };
  };
  const health = createHealthChecker({ name: "ready", checks: [{ name: "backends", check: checkModels }] });
  const metrics = createGatewayMetrics({
    droppedLineCount: () => context.droppedLineCount(),
    sample: () => ({
      queuedRequestCount: router.queuedCount,
      backends: table.list().map(({ backend, isHealthy }) => ({ id: backend.id, isHealthy })),
      registry: backends.registryStatus(),
      places: router.places(),
    }),
  });
  let http: HttpServer | undefined;
  let address: DaemonAddress | undefined;
  let stopCall: Promise<void> | undefined;

  const start = async (): Promise<DaemonAddress> => {
    if (stopCall !== undefined || http !== undefined) {
      throw new BackendError("INVALID_STATE", "expected a gateway that was not started, got another");
    }
    const [{ createGatewayServer }, { wireFormats }] = await Promise.all([
      import("../gateway/proxy/gateway-server.ts"),
      import("../api/wire-formats.ts"),
    ]);
    await backends.open();
    http = createGatewayServer({
      router,
      formats: wireFormats,
      health,
      metrics,
      logger,
      config: { ...config.server, ...resolveServerLimits(config.server) },
      limits: () => settings,
      report: () => reportGateway(table.list(), router, backends.registryStatus()),
      version: packageVersion,
      clock: { now: () => performance.now(), epochMs: () => Date.now() },
      ids: randomId,
    });
    const { host, port } = config.server;
    address = await http.listen({ host, port });
    logger.info({ url: address.url, pid: process.pid }, "listening");
    return address;
  };
  const stop = async (reason: string): Promise<void> => {
    const timeoutMs = config.server.drainTimeoutMs;
    logger.info({ reason, timeoutMs }, "draining");
    isDraining = true;
    http?.drain({ timeoutMs });
    await http?.close();
    router.dispose();
    await backends[Symbol.asyncDispose]();
    metrics[Symbol.dispose]();
    logger.info({ reason }, "stopped");
  };

  return {
    get address() {
      return address;
    },
    backends: () => table.list(),
    start,
    ready: async () => backends.ready(),
    async reload(next) {
      await backends.reload(next);
      settings = next;
      router.configure(next);
      logger.info({ backends: Object.keys(next.backends) }, "configuration reloaded");
    },
    stop: (reason) => (stopCall ??= stop(reason)),
    [Symbol.asyncDispose]: () => (stopCall ??= stop("disposed")),
  };
}
