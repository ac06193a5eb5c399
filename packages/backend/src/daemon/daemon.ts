import type { DiscoveryProvider } from "@infernode/discovery";
import { readHostMemory } from "@infernode/memory";
import type { Logger } from "pino";
import type { InfernodeConfig } from "../config/config.ts";
import { createDaemonLog, type DaemonLog } from "../log/create-logger.ts";
import type { ModelService, LocalModel } from "../models/model-service.ts";
import { createEngines } from "../models/local/create-engines.ts";
import type { EngineSupervisor, EngineSupervisorOptions } from "../models/local/engine-supervisor.ts";
import { BackendError } from "../errors.ts";
import { createEventBus, type EventBus } from "../events/event-bus.ts";
import type { HttpServer } from "../http/create-http-server.ts";
import type { ItemStore } from "../store/item-store.ts";
import { packageVersion } from "../package-version.ts";
import { createDaemonHealth } from "./daemon-health.ts";
import { createDaemonMetrics } from "./daemon-metrics.ts";
import { createDaemonRegistry } from "./daemon-registry.ts";
import { createGpuTelemetry } from "./gpu-telemetry.ts";
import { logEvents } from "./log-events.ts";
import { openStore } from "./open-store.ts";
import { resolveServerLimits } from "./server-limits.ts";

/** Dependencies that a program may provide. Defaults in brackets. */
export interface DaemonDependencies {
  readonly logger?: Logger;
  /** Number of lines that the logger dropped, for the metrics. [0 if `logger` is given] */
  readonly droppedLineCount?: () => number;
  readonly events?: EventBus;
  /** Creates the engine of a model. [a supervised child process] */
  readonly createEngine?: (options: EngineSupervisorOptions) => EngineSupervisor;
  /** Instead of the provider of the configuration; not disposed of. */
  readonly discovery?: DiscoveryProvider;
  /** Of Consul, where `consul.tokenFile` is not set. [none] */
  readonly consulToken?: string | undefined;
}

/** The address that a daemon listens on. */
export interface DaemonAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** The whole server: HTTP, engine processes, health, metrics, discovery. */
export interface Daemon extends AsyncDisposable {
  readonly config: InfernodeConfig;
  readonly events: EventBus;
  /** The service of all models. */
  readonly service: ModelService;
  /** One per model of the configuration, in its order. */
  readonly engines: readonly EngineSupervisor[];
  /** `undefined` before `start`. */
  readonly address: DaemonAddress | undefined;
  /**
   * Listens, and starts the engines without waiting for them.
   * @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED`, `MODEL_NOT_FOUND`, `INVALID_STATE`
   */
  start(): Promise<DaemonAddress>;
  /**
   * Resolves when every model is loaded or has failed to load, with those that can be used.
   * @throws BackendError the failure of the first one, if all failed
   */
  ready(): Promise<readonly LocalModel[]>;
  /** Drains: refuses new work, waits for running work within the drain timeout, aborts the rest, and disposes of everything. */
  stop(reason: string): Promise<void>;
}

/** Time for the registry to hear that the daemon drains, before it refuses work. */
const firstWithdrawalMs = 1000;
/** A registry that does not answer must not keep the engines running. */
const lastWithdrawalMs = 3000;

function logOf(config: InfernodeConfig, dependencies: DaemonDependencies): DaemonLog {
  const { logger, droppedLineCount = () => 0 } = dependencies;
  return logger === undefined
    ? createDaemonLog({ ...config.log, isTerminal: false })
    : { logger, droppedLineCount };
}

/** Composes a daemon from its configuration; nothing runs before `start`. @throws BackendError `INVALID_CONFIG` */
export function createDaemon(config: InfernodeConfig, dependencies: DaemonDependencies = {}): Daemon {
  if (config.server.mode === "gateway") {
    const message = "server.mode: expected engine, as a gateway is run by `infernode gateway`, got gateway";
    throw new BackendError("INVALID_CONFIG", message);
  }
  const log = logOf(config, dependencies);
  const { logger } = log;
  const events =
    dependencies.events ??
    createEventBus({
      onHandlerError: (error, eventName) =>
        logger.error({ err: error, eventName }, "an event handler failed"),
    });
  const { engines, service } = createEngines(config, {
    events,
    onOutput: (line, engine) => logger.warn({ source: "engine", ...engine }, line),
    createEngine: dependencies.createEngine,
  });
  const stopLogging = logEvents(events, logger, { engineCount: engines.length });
  const registry = createDaemonRegistry({
    config,
    events,
    logger,
    engines,
    service,
    discovery: dependencies.discovery,
    consulToken: dependencies.consulToken,
  });
  const gpus = createGpuTelemetry();
  let store: ItemStore | undefined;
  const metrics = createDaemonMetrics({
    events,
    engines,
    gpus,
    droppedLineCount: () => log.droppedLineCount(),
    store: () => store,
    registry: () => registry.status(),
  });
  const health = createDaemonHealth({
    engines,
    events,
    store: () => store,
    ...config.health,
    onError: (error) => logger.error({ err: error }, "a health report failed"),
  });
  let http: HttpServer | undefined;
  let address: DaemonAddress | undefined;
  let startCall: Promise<DaemonAddress> | undefined;
  let stopCall: Promise<void> | undefined;
  let endCall: Promise<void> | undefined;

  const start = async (): Promise<DaemonAddress> => {
    // The models load while the server's code is imported; `ready` reports failures.
    for (const engine of engines) engine.start().catch(() => undefined);
    const serverLimits = resolveServerLimits(config.server);
    await registry.open();
    const [{ createHttpServer }, { wireFormats }, openedStore] = await Promise.all([
      import("../http/create-http-server.ts"),
      import("../api/wire-formats.ts"),
      openStore(config.store),
    ]);
    store = openedStore;
    http = await createHttpServer({
      service,
      store,
      formats: wireFormats,
      health: health.readiness,
      liveness: health.liveness,
      metrics,
      devices: async () => ({ memory: readHostMemory(), gpus: await gpus.survey() }),
      registry,
      prefixes: registry.prefixes,
      logger,
      config: { ...config.server, ...serverLimits, session: config.session },
      version: packageVersion,
    });
    address = await http.listen({ host: config.server.host, port: config.server.port });
    metrics.markServing();
    logger.info({ url: address.url, pid: process.pid }, "listening");
    registry.publish(address);
    return address;
  };
  const ready = async (): Promise<readonly LocalModel[]> => {
    const results = await Promise.allSettled(engines.map(async (engine) => engine.start()));
    const models = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failure = results.find((result) => result.status === "rejected");
    if (models.length === 0 && failure !== undefined) throw failure.reason;
    return models;
  };
  const disposeAll = async (reason: string): Promise<void> => {
    await registry.withdraw(lastWithdrawalMs);
    await http?.close();
    await store
      ?.dispose()
      .catch((error: unknown) => logger.error({ err: error }, "the store could not be closed"));
    await service.dispose();
    health.dispose();
    metrics.dispose();
    await gpus.dispose();
    await registry.dispose();
    events.emit("backend:stopped", { reason });
    stopLogging();
  };
  const stop = async (reason: string): Promise<void> => {
    const timeoutMs = config.server.drainTimeoutMs;
    events.emit("backend:draining", { reason, timeoutMs });
    // First, so that others send no requests that would be refused.
    await registry.withdraw(firstWithdrawalMs);
    http?.drain({ timeoutMs });
    await service.drain({ timeoutMs });
    // Waits for a start that has begun, so that everything is disposed of.
    await startCall?.catch(() => undefined);
    await (endCall ??= disposeAll(reason));
  };

  return {
    config,
    events,
    service,
    engines,
    get address() {
      return address;
    },
    start: () => {
      if (stopCall !== undefined) {
        throw new BackendError("INVALID_STATE", "expected a daemon that was not stopped, got a stopped one");
      }
      startCall ??= start().catch(async (error: unknown) => {
        await (endCall ??= disposeAll("the start failed"));
        throw error;
      });
      return startCall;
    },
    ready,
    stop: (reason) => (stopCall ??= stop(reason)),
    [Symbol.asyncDispose]: () => (stopCall ??= stop("disposed")),
  };
}
