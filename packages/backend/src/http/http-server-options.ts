import type { DiscoveryProvider } from "@infernode/discovery";
import type { HealthChecker } from "@infernode/health";
import type { HostMemory } from "@infernode/memory";
import type { GpuInventory } from "@infernode/memory/cuda";
import type { Logger } from "pino";
import type { HttpSample } from "../metrics/http-metrics.ts";
import type { WireFormats } from "../api/shared/wire-format.ts";
import type { ModelService } from "../models/model-service.ts";
import type { JsonThread } from "./json-thread.ts";

/** Limits of the HTTP server; `InfernodeConfig.server` fits. */
export interface HttpServerConfig {
  /** The largest body; follows from the model's context when undefined. */
  readonly bodyLimitBytes: number | undefined;
  /** Memory of all bodies that are handled at the same time. [256 MiB] */
  readonly bodyMemoryBytes?: number | undefined;
  /** [1024] */
  readonly maxConnections?: number | undefined;
  /** Names that are answered besides this machine's own; `*` for any. */
  readonly allowedHosts: readonly string[];
  /** Origins that browsers may call from; `*` for all, empty for none. */
  readonly corsOrigins: readonly string[];
  /** How long a client may take to send its whole request; 0 for no limit. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A comment is sent on a stream that is quiet for this long. */
  readonly pingIntervalMs: number;
  /** A reader that takes nothing for this long loses its stream. */
  readonly writeTimeoutMs: number;
  /** An idle connection has this long for one more request when the server closes. [250] */
  readonly idleGraceMs?: number;
  /** Answers (prompts times `n`) that one request may ask for. [128] */
  readonly maxChoices?: number;
}

/** What the server shows and feeds. */
export interface ServerMetrics {
  /** The value of the `Content-Type` header for `render`. */
  readonly contentType: string;
  render(): Promise<string>;
  /** Called once for each exchange, after it. */
  observeHttp?(sample: HttpSample): void;
}

export interface HttpClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  epochMs(): number;
}

/** Makes identifiers that do not repeat: letters and digits. */
export type IdSource = () => string;

/** The memory and the GPUs of the machine. */
export interface SystemDevices {
  readonly memory: HostMemory;
  readonly gpus: GpuInventory;
}

/** Everything that the HTTP server works with. It owns none of it and disposes of none of it. */
export interface HttpServerOptions {
  readonly service: ModelService;
  /** What the server speaks. The first one is the default. */
  readonly formats: WireFormats;
  /** Readiness: what `/health/ready` and `/health` report. */
  readonly health: Pick<HealthChecker, "report">;
  /** What `/health/live` reports: unhealthy means that the process should be restarted. */
  readonly liveness: Pick<HealthChecker, "report">;
  readonly metrics: ServerMetrics;
  /** Shown in `/health`; absent where nothing is registered. */
  readonly discovery?: Pick<DiscoveryProvider, "list"> | undefined;
  /** What `/v1/system/devices` answers; absent where the machine is nobody's business. */
  readonly devices?: (() => Promise<SystemDevices>) | undefined;
  readonly logger: Logger;
  readonly config: HttpServerConfig;
  /** Of the product, for `/version` and the fingerprint. */
  readonly version: string;
  readonly clock?: HttpClock;
  readonly ids?: IdSource;
  /** Parses bodies of 64 KiB and more; put away with the server. [a worker thread] */
  readonly jsonThread?: JsonThread;
}

/** A server that listens when told to. */
export interface HttpServer extends AsyncDisposable {
  /** Resolves with the port that was taken. @throws BackendError `PORT_IN_USE`, `LISTEN_FAILED` */
  listen(address: { readonly host: string; readonly port: number }): Promise<{
    readonly host: string;
    readonly port: number;
    readonly url: string;
  }>;
  /** Every last answer on a connection says so from now on; after the time all connections are destroyed. */
  drain(options: { readonly timeoutMs: number }): void;
  /** Takes no new connections and resolves when the last answer has ended. */
  close(): Promise<void>;
}
