import type { ServiceInstance } from "@infernode/discovery";
import type { HealthChecker } from "@infernode/health";
import type { HostMemory } from "@infernode/memory";
import type { GpuInventory } from "@infernode/memory/cuda";
import type { Logger } from "pino";
import type { HttpSample } from "../metrics/http-metrics.ts";
import type { SessionSample } from "../metrics/session-metrics.ts";
import type { WireFormats } from "../api/shared/wire-format.ts";
import type { ItemStore } from "../store/item-store.ts";
import type { ModelService } from "../models/model-service.ts";
import type { JsonThread } from "./body/json-thread.ts";

/** Limits of WebSockets, and of the responses that are held; `InfernodeConfig.session` fits. */
export interface HttpSessionConfig {
  /** WebSockets that are open at one time. */
  readonly maxSessions: number;
  /** A session without a response and without a message for this long is closed. */
  readonly idleTimeoutMs: number;
  /** A response of a session that nobody reads ends after this time. */
  readonly graceMs: number;
  /** Responses that are held at one time, running or ended. */
  readonly maxResponses: number;
  /** Events of one response; the oldest are dropped. */
  readonly responseBytes: number;
  /** Events of all responses. */
  readonly memoryBytes: number;
  /** How long an ended response is held. */
  readonly holdMs: number;
}

/** Limits of the HTTP server; `InfernodeConfig.server` fits. */
export interface HttpServerConfig {
  /** The largest body; depends on the context of the models when undefined. */
  readonly bodyLimitBytes: number | undefined;
  /** Memory for all bodies at one time. [256 MiB] */
  readonly bodyMemoryBytes?: number | undefined;
  /** [1024] */
  readonly maxConnections?: number | undefined;
  /** Host names that are allowed besides this machine's own; `*` for any. */
  readonly allowedHosts: readonly string[];
  /** Origins that browsers may send requests from; `*` for all, empty for none. */
  readonly corsOrigins: readonly string[];
  /** Time for a client to send its whole request; 0 for no limit. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** After this time without data a stream sends a comment. */
  readonly pingIntervalMs: number;
  /** The connection of a client that reads nothing for this long is closed. */
  readonly writeTimeoutMs: number;
  /** Time that an idle connection has for one more request when the server closes. [250] */
  readonly idleGraceMs?: number;
  readonly session: HttpSessionConfig;
  /** Leaves out unknown parameters with a warning. [false: rejects them] */
  readonly lenient?: boolean;
  /** Answers (prompts times `n`) that one request may ask for. [128] */
  readonly maxChoices?: number;
}

/** The metrics that the server exposes, and reports to. */
export interface ServerMetrics {
  /** The value of the `Content-Type` header for `render`. */
  readonly contentType: string;
  render(): Promise<string>;
  /** Called once at the end of each exchange. */
  observeHttp?(sample: HttpSample): void;
  /** Called before each `render`. */
  observeSessions?(sample: SessionSample): void;
}

export interface HttpClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  epochMs(): number;
}

/** Generates unique identifiers of letters and digits. */
export type IdSource = () => string;

/** The memory and the GPUs of the machine. */
export interface SystemDevices {
  readonly memory: HostMemory;
  readonly gpus: GpuInventory;
}

/** The service registry as the process knows it. */
export interface ServiceRegistry {
  /** What this process registers. */
  services(): readonly ServiceInstance[];
  /** Asks the registry, for a limited time. */
  report(): Promise<object>;
}

/** Who is told how the prompts of requests begin. */
export interface PrefixListener {
  /** Whether anyone wants to know: if not, nothing is hashed. */
  readonly isKept: boolean;
  /** @param prefixes hashes of the prompt's beginnings, the longest last */
  note(model: string, prefixes: readonly number[]): void;
}

/** What the HTTP server works with. It does not own and does not dispose these. */
export interface HttpServerOptions {
  readonly service: ModelService;
  /** Responses and conversations. [nothing is stored] */
  readonly store?: ItemStore | undefined;
  /** The wire formats. The first one also writes the errors of paths that belong to none. */
  readonly formats: WireFormats;
  /** Readiness: what `/health/ready` and `/health` report. */
  readonly health: Pick<HealthChecker, "report">;
  /** What `/health/live` reports: unhealthy means that the process should be restarted. */
  readonly liveness: Pick<HealthChecker, "report">;
  readonly metrics: ServerMetrics;
  /** What is registered, for `/health`, and what `/v1/system/registry` answers. [not shown, and no such path] */
  readonly registry?: ServiceRegistry | undefined;
  /** [nothing is hashed] */
  readonly prefixes?: PrefixListener | undefined;
  /** What `/v1/system/devices` answers. [no such path] */
  readonly devices?: (() => Promise<SystemDevices>) | undefined;
  readonly logger: Logger;
  readonly config: HttpServerConfig;
  /** Of the product, for `/version` and the fingerprint. */
  readonly version: string;
  readonly clock?: HttpClock;
  readonly ids?: IdSource;
  /** Parses bodies of 64 KiB and more; disposed with the server. [a worker thread] */
  readonly jsonThread?: JsonThread;
}

/** An HTTP server; nothing listens before `listen`. */
export interface HttpServer extends AsyncDisposable {
  /** Resolves with the actual port. @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED` */
  listen(address: { readonly host: string; readonly port: number }): Promise<{
    readonly host: string;
    readonly port: number;
    readonly url: string;
  }>;
  /** From now on the last answer on each connection closes it; after the timeout all connections are destroyed. */
  drain(options: { readonly timeoutMs: number }): void;
  /** Accepts no new connections; resolves when the last answer has ended. */
  close(): Promise<void>;
}
