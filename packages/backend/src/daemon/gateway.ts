import { createHealthChecker, type HealthStatus } from "@infernode/health";
import type { GatewaySettings, InfernodeConfig } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import type { KnownBackend, LiveBackendTable } from "../gateway/backends/backend-table.ts";
import { createReplaceableTable } from "../gateway/backends/replaceable-table.ts";
import { createStaticBackends } from "../gateway/backends/static-backends.ts";
import { createRouter } from "../gateway/routing/create-router.ts";
import type { RoutingSettings } from "../gateway/routing/router-options.ts";
import type { HttpServer } from "../http/http-server-options.ts";
import { randomId } from "../http/connection/request-id.ts";
import type { DaemonLog } from "../log/create-logger.ts";
import { packageVersion } from "../package-version.ts";
import type { DaemonAddress } from "./daemon.ts";
import { createGatewayMetrics } from "./gateway-metrics.ts";
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

const pollIntervalMs = 2000;

/** How long a start and a reload wait for the first answers of backends. */
const firstAnswersMs = 3000;

const routing: RoutingSettings = {
  policy: "least-loaded",
  rules: [],
  prefixLoadFactor: 1.25,
  maxInFlight: 1024,
  maxQueued: 1024,
  queueTimeoutMs: 10_000,
  circuitFailures: 5,
  circuitOpenMs: 1000,
};

function openTable({ backends }: GatewaySettings): LiveBackendTable {
  if (Object.keys(backends).length === 0) {
    throw new BackendError("INVALID_CONFIG", "gateway.backends: expected at least one backend, got none");
  }
  const named = Object.entries(backends).map(([id, { url }]) => ({
    id,
    url,
    apiKey: undefined,
    models: undefined,
  }));
  return createStaticBackends(named, { intervalMs: pollIntervalMs });
}

/** Resolves when all backends of a table are healthy, or after some time. */
async function firstAnswers(table: LiveBackendTable): Promise<void> {
  const areKnown = (): boolean => table.list().every(({ isHealthy }) => isHealthy);
  if (areKnown()) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    };
    const timer = setTimeout(end, firstAnswersMs);
    const unsubscribe = table.subscribe(() => {
      if (areKnown()) end();
    });
  });
}

/**
 * Composes a gateway from its configuration; it does not listen before `start`.
 * @throws BackendError `INVALID_CONFIG`
 */
export function createGateway(config: InfernodeConfig, log: DaemonLog): Gateway {
  const { logger } = log;
  let settings = config.gateway;
  let isDraining = false;
  const table = createReplaceableTable(openTable(settings));
  const router = createRouter({ table, settings: routing });
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
    droppedLineCount: () => log.droppedLineCount(),
    sample: () => ({
      queuedRequestCount: router.queuedCount,
      backends: table.list().map(({ backend, isHealthy }) => ({ id: backend.id, isHealthy })),
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
    http = createGatewayServer({
      router,
      formats: wireFormats,
      health,
      metrics,
      logger,
      config: { ...config.server, ...resolveServerLimits(config.server) },
      limits: () => settings,
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
    table.dispose();
    metrics[Symbol.dispose]();
    logger.info({ reason }, "stopped");
  };

  return {
    get address() {
      return address;
    },
    backends: () => table.list(),
    start,
    ready: async () => firstAnswers(table),
    async reload(next) {
      const replaced = JSON.stringify(next.backends) !== JSON.stringify(settings.backends);
      if (replaced) {
        const opened = openTable(next);
        await firstAnswers(opened);
        table.replace(opened);
      }
      settings = next;
      logger.info({ backends: Object.keys(next.backends) }, "configuration reloaded");
    },
    stop: (reason) => (stopCall ??= stop(reason)),
    [Symbol.asyncDispose]: () => (stopCall ??= stop("disposed")),
  };
}
