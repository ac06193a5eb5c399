/** From most to least. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** The HTTP server. */
export interface ServerConfig {
  readonly host: string;
  /** 0 takes a free port; the daemon says which. */
  readonly port: number;
  /** Names that requests may be addressed to besides this machine's own; `*` for any. */
  readonly allowedHosts: readonly string[];
  /** Decided at start by the limit of open files when undefined. */
  readonly maxConnections: number | undefined;
  /** Follows from the model's context when undefined. */
  readonly bodyLimitBytes: number | undefined;
  /** Of all bodies that are handled at the same time; by the machine's memory when undefined. */
  readonly bodyMemoryBytes: number | undefined;
  /** Origins that browsers may call from; `*` for all, empty for none. */
  readonly corsOrigins: readonly string[];
  /** How long a client may take to send its whole request. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A comment is sent on a stream that is quiet for this long, so that proxies keep it open. */
  readonly pingIntervalMs: number;
  /** A reader that takes nothing for this long loses its stream. */
  readonly writeTimeoutMs: number;
  /** Running work may take this long to finish after SIGTERM. */
  readonly drainTimeoutMs: number;
}

/** The section `model`: the one model that is served. Resolved, it is the only entry of `InfernodeConfig.models`. */
export interface ModelSettings {
  /** A Hugging Face directory, absolute; or `embedded`. */
  readonly path: string;
  /** The name in the API; the checkpoint's own by default. */
  readonly name: string | undefined;
  /** Other names that requests may call it by. */
  readonly aliases: readonly string[];
  /** A Jinja file, absolute, in place of the checkpoint's own chat template. */
  readonly chatTemplate: string | undefined;
}

/** How it is run. What is not set is decided at start, from the model and the machine. */
export interface EngineSettings {
  /** 16 when undefined, or as many as memory holds. */
  readonly maxSequences: number | undefined;
  /** The longest sequence; the checkpoint's own when undefined, or as long as memory holds. */
  readonly contextTokens: number | undefined;
  /** Prefill and decode tokens in one step. */
  readonly maxTokensPerStep: number;
  /** Parts of prompts are made as short as this needs. */
  readonly stepTimeMs: number;
  readonly maxQueuedRequests: number;
  readonly maxQueuedTokens: number;
  readonly answerMemoryBytes: number | undefined;
  /** Time to make tokens of one prompt; long ones have more. */
  readonly promptTimeoutMs: number;
  /** Threads of one forward; by the processor's cores when undefined. */
  readonly threads: number | undefined;
  readonly runtime: "auto" | "ffi" | "binding";
  /** A plan above this is refused; by the system's free memory when undefined. */
  readonly memoryLimitBytes: number | undefined;
  readonly startTimeoutMs: number;
  /** No step for this long though there is work, or no word: the engine process is ended and started again. */
  readonly hangAfterMs: number | undefined;
  /** Crashes in a row before the daemon gives up. */
  readonly maxRestarts: number;
}

/** One of the models that are served. */
export interface ModelConfig {
  /** The name in the API. */
  readonly id: string;
  /** Other names that requests may call it by. */
  readonly aliases: readonly string[];
  /** Absolute. */
  readonly directory: string;
  /** A Jinja file, absolute, in place of the checkpoint's own chat template. */
  readonly chatTemplate: string | undefined;
  /**
   * The section `engine`, and what is set for this model alone. `memoryLimitBytes` limits this model: its own limit,
   * or that of all models together where it has none.
   */
  readonly engine: EngineSettings;
}

/** The log on standard error. */
export interface LogSettings {
  readonly level: LogLevel;
  /** `auto` is pretty on a terminal and JSON elsewhere. */
  readonly format: "auto" | "pretty" | "json";
}

/** How the daemon registers itself. */
export interface DiscoverySettings {
  readonly serviceName: string;
  /** What others reach this daemon by; the listening address by default. */
  readonly advertiseAddress: string | undefined;
}

/** When the daemon calls itself unwell. */
export interface HealthSettings {
  /** Work without a step for this long makes the daemon unhealthy. */
  readonly stallAfterMs: number;
}

/** Everything that can be set, resolved, validated and frozen. */
export interface InfernodeConfig {
  readonly server: ServerConfig;
  /** Every model that is served; at least one. */
  readonly models: readonly ModelConfig[];
  /** What holds for models that set nothing else. Its `memoryLimitBytes` limits all models together. */
  readonly engine: EngineSettings;
  readonly log: LogSettings;
  readonly discovery: DiscoverySettings;
  readonly health: HealthSettings;
}

/** Where a value came from. `name` is the file, variable or flag. */
export interface ConfigOrigin {
  readonly source: "default" | "file" | "environment" | "flag" | "program";
  readonly name: string | undefined;
}
