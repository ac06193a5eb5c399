import { hostname } from "node:os";
import {
  createEmbeddedDiscovery,
  type DiscoveryProvider,
  type RegisteredService,
} from "@infernode/discovery";
import { readHostMemory } from "@infernode/memory";
import type { Logger } from "pino";
import type { InfernodeConfig } from "../config/config.ts";
import { createDaemonLog, type DaemonLog } from "../log/create-logger.ts";
import type { ServedModel } from "../models/model-service.ts";
import { createEngineSupervisor, type EngineSupervisor } from "../models/local/engine-supervisor.ts";
import { BackendError } from "../errors.ts";
import { createEventBus, type EventBus } from "../events/event-bus.ts";
import type { HttpServer } from "../http/create-http-server.ts";
import { packageVersion } from "../package-version.ts";
import { createDaemonHealth } from "./daemon-health.ts";
import { createDaemonMetrics } from "./daemon-metrics.ts";
import { supervisionOf } from "./engine-options.ts";
import { createGpuTelemetry } from "./gpu-telemetry.ts";
import { logEvents } from "./log-events.ts";
import { resolveServerLimits } from "./server-limits.ts";

/** Parts that a program may bring itself. */
export interface DaemonDependencies {
  readonly logger?: Logger;
  /** Lines that the logger lost, for the metrics. [0 with a logger of one's own] */
  readonly droppedLineCount?: () => number;
  readonly events?: EventBus;
  /** [a supervised child process] */
  readonly engine?: EngineSupervisor;
  /** [the embedded provider] */
  readonly discovery?: DiscoveryProvider;
}

/** Where a daemon listens. */
export interface DaemonAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** The whole server: HTTP, engine process, health, metrics, discovery. */
export interface Daemon extends AsyncDisposable {
  readonly config: InfernodeConfig;
  readonly events: EventBus;
  readonly engine: EngineSupervisor;
  /** Where it listens; `undefined` before `start`. */
  readonly address: DaemonAddress | undefined;
  /**
   * Listens, and starts the engine without waiting for it.
   * @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED`, `MODEL_NOT_FOUND`, `INVALID_STATE`
   */
  start(): Promise<DaemonAddress>;
  /** Resolves when the model can be used. @throws BackendError when the engine cannot be started */
  ready(): Promise<ServedModel>;
  /** Takes no new work, lets running work finish within the drain timeout, aborts the rest, puts all away. */
  stop(reason: string): Promise<void>;
}

const deregisterTimeoutMs = 3000;

function logOf(config: InfernodeConfig, dependencies: DaemonDependencies): DaemonLog {
  const { logger, droppedLineCount = () => 0 } = dependencies;
  return logger === undefined
    ? createDaemonLog({ ...config.log, isTerminal: false })
    : { logger, droppedLineCount };
}

/** Composes a daemon from its configuration; nothing runs before `start`. */
export function createDaemon(config: InfernodeConfig, dependencies: DaemonDependencies = {}): Daemon {
  const log = logOf(config, dependencies);
  const { logger } = log;
  const events =
    dependencies.events ??
    createEventBus({
      onHandlerError: (error, eventName) =>
        logger.error({ err: error, eventName }, "an event handler failed"),
    });
  const supervision = supervisionOf(config);
  const discovery = dependencies.discovery ?? createEmbeddedDiscovery({ events });
  const engine =
    dependencies.engine ??
    createEngineSupervisor({
      ...supervision,
      events,
      onOutput: (line) => logger.warn({ source: "engine" }, line),
    });
  const stopLogging = logEvents(events, logger);
  const gpus = createGpuTelemetry();
  const metrics = createDaemonMetrics({
    events,
    engine,
    gpus,
    droppedLineCount: () => log.droppedLineCount(),
  });
  const health = createDaemonHealth({
    engine,
    events,
    ...config.health,
    hangAfterMs: supervision.hangAfterMs,
    onError: (error) => logger.error({ err: error }, "a health report failed"),
  });
  let http: HttpServer | undefined;
  let address: DaemonAddress | undefined;
  let registration: RegisteredService | undefined;
  let startCall: Promise<DaemonAddress> | undefined;
  let stopCall: Promise<void> | undefined;
  let endCall: Promise<void> | undefined;

  const register = async (at: DaemonAddress): Promise<void> => {
    const { serviceName, advertiseAddress } = config.discovery;
    const service = {
      id: `${serviceName}-${hostname()}-${at.port}`,
      name: serviceName,
      address: advertiseAddress ?? at.host,
      port: at.port,
      tags: ["openai"],
      metadata: { version: packageVersion },
    };
    registration = await discovery.register(service, { state: "critical" });
  };
  const tellReadiness = (): void => {
    const state = engine.state === "ready" ? "passing" : "critical";
    const model = engine.model;
    const metadata =
      model === undefined ? {} : { model: model.id, contextTokens: String(model.contextTokens) };
    registration?.update({ state, metadata }).catch((error: unknown) => {
      logger.warn({ err: error }, "the service registry could not be told of a change");
    });
  };
  const stopTelling = events.on("backend:engine-state-changed", tellReadiness);

  const start = async (): Promise<DaemonAddress> => {
    // The model loads while the server's code is read; `ready` tells how that ends.
    engine.start().catch(() => undefined);
    const serverLimits = resolveServerLimits(config.server);
    const { createHttpServer } = await import("../http/create-http-server.ts");
    http = await createHttpServer({
      service: engine,
      health: health.readiness,
      liveness: health.liveness,
      metrics,
      devices: async () => ({ memory: readHostMemory(), gpus: await gpus.survey() }),
      discovery,
      logger,
      config: { ...config.server, ...serverLimits },
      version: packageVersion,
    });
    address = await http.listen({ host: config.server.host, port: config.server.port });
    metrics.servingBegins();
    logger.info({ url: address.url, pid: process.pid }, "listening");
    await register(address);
    tellReadiness();
    return address;
  };
  /** A registry that cannot be reached, or does not answer, must not keep the engine running. */
  const deregister = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const message = `the registry did not answer within ${deregisterTimeoutMs} ms`;
      timer = setTimeout(() => reject(new Error(message)), deregisterTimeoutMs);
    });
    await Promise.race([registration?.deregister(), late]).catch((error: unknown) => {
      logger.warn({ err: error }, "the service could not be taken out of the registry");
    });
    clearTimeout(timer);
  };
  const putAway = async (reason: string): Promise<void> => {
    stopTelling();
    await deregister();
    await http?.close();
    await engine.dispose();
    health.dispose();
    metrics.dispose();
    await gpus.dispose();
    if (dependencies.discovery === undefined) await discovery.dispose();
    events.emit("backend:stopped", { reason });
    stopLogging();
  };
  const stop = async (reason: string): Promise<void> => {
    const timeoutMs = config.server.drainTimeoutMs;
    events.emit("backend:draining", { reason, timeoutMs });
    http?.drain({ timeoutMs });
    await engine.drain({ timeoutMs });
    // What was begun is finished first, so that it is put away as well.
    await startCall?.catch(() => undefined);
    await (endCall ??= putAway(reason));
  };

  return {
    config,
    events,
    engine,
    get address() {
      return address;
    },
    start: () => {
      if (stopCall !== undefined) {
        throw new BackendError("INVALID_STATE", "a stopped daemon cannot be started");
      }
      startCall ??= start().catch(async (error: unknown) => {
        await (endCall ??= putAway("the start failed"));
        throw error;
      });
      return startCall;
    },
    ready: () => engine.start(),
    stop: (reason) => (stopCall ??= stop(reason)),
    [Symbol.asyncDispose]: () => (stopCall ??= stop("disposed")),
  };
}
