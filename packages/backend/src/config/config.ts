import type { ExecutorPreference, RuntimePreference } from "./executor-names.ts";
import type { WeightMode } from "../weight-mode.ts";
import type { PolicyName, RoutingRule } from "./routing-rule.ts";

/** From most to least. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** What the daemon does with requests: answers them with engines of its own, or passes them on to backends. */
export type DaemonMode = "engine" | "gateway";

/** The HTTP server. */
export interface ServerConfig {
  readonly mode: DaemonMode;
  readonly host: string;
  /** 0 chooses a free port, which the daemon logs. */
  readonly port: number;
  /** Host names, besides this machine's own, that requests may be addressed to; `*` for any. */
  readonly allowedHosts: readonly string[];
  /** `undefined`: from the limit of open files. */
  readonly maxConnections: number | undefined;
  /** `undefined`: from the model's context. */
  readonly bodyLimitBytes: number | undefined;
  /** Of all request bodies in progress; `undefined`: from the machine's memory. */
  readonly bodyMemoryBytes: number | undefined;
  /** Browser origins that may send requests; `*` for all, empty for none. */
  readonly corsOrigins: readonly string[];
  /** Time in which a client must send its whole request. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Interval of the comments on an idle stream, which make proxies keep it open. */
  readonly pingIntervalMs: number;
  /** A stream is aborted if its client reads nothing for this long. */
  readonly writeTimeoutMs: number;
  /** Parameters that are unknown are left out with a warning; otherwise they are rejected. */
  readonly lenient: boolean;
  /** Time in which running requests may finish after SIGTERM. */
  readonly drainTimeoutMs: number;
}

/** WebSockets, and responses whose events are held. */
export interface SessionSettings {
  readonly maxSessions: number;
  /** Without a response and without a message. */
  readonly idleTimeoutMs: number;
  /** How long a running response of a WebSocket waits for its client to come back. */
  readonly graceMs: number;
  /** Running or ended. */
  readonly maxResponses: number;
  /** Of the events of one response. */
  readonly responseBytes: number;
  /** Of the events of all responses. */
  readonly memoryBytes: number;
  /** How long the events of an ended response are held. */
  readonly holdMs: number;
}

/** The section `model`: the one model that is served. Resolved, it is the only entry of `InfernodeConfig.models`. */
export interface ModelSettings {
  /** A Hugging Face directory, absolute; or `embedded`. */
  readonly path: string;
  /** The name in the API; `undefined`: the name of the directory. */
  readonly name: string | undefined;
  /** Other names that requests may call it by. */
  readonly aliases: readonly string[];
  /** A Jinja file, absolute, that replaces the checkpoint's chat template. */
  readonly chatTemplate: string | undefined;
  /** How the model writes calls of tools: `auto`, `none` or the name of a parser. */
  readonly toolParser: string;
  /** How the model writes reasoning: `auto`, `none` or the name of a parser. */
  readonly reasoningParser: string;
  /** Absolute directories by name: LoRA adapters that requests call as models. */
  readonly adapters: Readonly<Record<string, string>>;
}

/** `auto` is the fastest mode whose loss nobody notices: `int8`, or `none` where a model is too small to gain. */
export type QuantizeMode = WeightMode | "auto";

/** How a model is run. What is `undefined` is decided at start, from the model and the machine. */
export interface EngineSettings {
  /** `undefined`: 16, or as many as fit into memory. */
  readonly maxSequences: number | undefined;
  /** The longest sequence; `undefined`: the checkpoint's context, or as much of it as fits into memory. */
  readonly contextTokens: number | undefined;
  /** Prefill and decode tokens in one step. */
  readonly maxTokensPerStep: number;
  /** Target duration of the prefill in one step. */
  readonly stepTimeMs: number;
  /** Tokens of an answer that are gathered for one chunk of a stream. */
  readonly streamIntervalTokens: number;
  readonly maxQueuedRequests: number;
  readonly maxQueuedTokens: number;
  readonly answerMemoryBytes: number | undefined;
  /** Time to render and tokenize one prompt; long prompts have more. */
  readonly promptTimeoutMs: number;
  /** Threads of one forward pass; `undefined`: from the processor's cores. */
  readonly threads: number | undefined;
  /** What computes. */
  readonly executor: ExecutorPreference;
  /** The GPU of the CUDA executor: its number among the visible ones, or its UUID or the beginning of that. */
  readonly device: string;
  /** The share of a GPU's memory that the CUDA executor may use. */
  readonly gpuMemoryUtilization: number;
  /** How the executor calls its library. */
  readonly runtime: RuntimePreference;
  /** How the weights of a dense checkpoint are quantized when they are loaded. */
  readonly quantize: QuantizeMode;
  /** How keys and values of sequences are kept; `undefined`: as the executor computes them. */
  readonly kvCacheDtype: "float32" | "bfloat16" | "int8" | undefined;
  /** Inputs of products with weights of 16 bits or in blocks; `auto`: 16 bits on the CUDA executor, float32 on others. */
  readonly productPrecision: "auto" | "float32" | "16-bit";
  /** What computes products of many rows with weights of 16 bits; a library on the CUDA executor only. */
  readonly productLibrary: "none" | "cublasLt";
  /** The file of the library; `undefined`: found by its name. */
  readonly productLibraryPath: string | undefined;
  /** Whether a step is begun while the one before it runs, where the executor can. */
  readonly runsAhead: boolean;
  /** What proposes tokens that a step verifies beside the one that it computes. */
  readonly speculation: "none" | "ngram";
  /** Proposed tokens of a sequence in a step at most. */
  readonly speculationTokens: number;
  /** Nothing is proposed while more sequences than this decode. */
  readonly speculationMaxSequences: number;
  /** Adapters that are loaded at once; `undefined`: as many as are configured, and at least 4 where others may follow. */
  readonly maxAdapters: number | undefined;
  /** The largest rank of an adapter. */
  readonly maxAdapterRank: number;
  /** Whether clients may have adapters loaded from any directory of this machine, and unloaded. */
  readonly allowsAdapterUpdates: boolean;
  /** Of quantized weights; `undefined`: in the user's cache directory. */
  readonly cacheDirectory: string | undefined;
  /** Of all quantized weights that are kept. */
  readonly cacheLimitBytes: number;
  /** A plan above this is rejected; `undefined`: the system's free memory. */
  readonly memoryLimitBytes: number | undefined;
  readonly startTimeoutMs: number;
  /** An engine process that has work and makes no step, or sends nothing, for this long is killed and restarted. */
  readonly hangAfterMs: number | undefined;
  /** Consecutive crashes of an engine after which it has failed. */
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
  /** A Jinja file, absolute, that replaces the checkpoint's chat template. */
  readonly chatTemplate: string | undefined;
  /** How the model writes calls of tools: `auto`, `none` or the name of a parser. */
  readonly toolParser: string;
  /** How the model writes reasoning: `auto`, `none` or the name of a parser. */
  readonly reasoningParser: string;
  /** Absolute directories by name: LoRA adapters that requests call as models. */
  readonly adapters: Readonly<Record<string, string>>;
  /**
   * The section `engine`, and what is set for this model alone. `memoryLimitBytes` limits this model: its own limit,
   * or that of all models together where it has none.
   */
  readonly engine: EngineSettings;
}

/** Where responses and conversations are kept. */
export interface StoreSettings {
  /** Absolute; `undefined`: in memory, until the daemon ends. */
  readonly file: string | undefined;
  /** 0 keeps nothing; `undefined`: 64 MiB in memory, 1 GiB in a file. */
  readonly maxBytes: number | undefined;
  /** What is not used for this long is deleted. */
  readonly retentionHours: number;
}

/** The log on standard error. */
export interface LogSettings {
  readonly level: LogLevel;
  /** `auto`: pretty on a terminal, otherwise JSON. */
  readonly format: "auto" | "pretty" | "json";
}

/** A backend that the configuration names. */
export interface GatewayBackendSettings {
  /** Of a server, or of its API where it has a path. */
  readonly url: string;
  /** Where the key is that it wants, or the key encrypted; sent as a bearer token. */
  readonly apiKey?: string | undefined;
  /** Ids of the models to use; `undefined`: all that it lists. */
  readonly models?: readonly string[] | undefined;
}

/** The gateway: to which backends requests are passed on, and how. */
export interface GatewaySettings {
  /** By id. */
  readonly backends: Readonly<Record<string, GatewayBackendSettings>>;
  /** Backends that one request may try. */
  readonly maxAttempts: number;
  /** Retries for each request. */
  readonly retryShare: number;
  /** Retries that are possible at once. */
  readonly retryBurst: number;
  readonly connectTimeoutMs: number;
  /** A backend that sends nothing for this long has failed. */
  readonly silenceTimeoutMs: number;
  /** Between requests for the list of models of a backend of `backends`. */
  readonly pollIntervalMs: number;
  readonly policy: PolicyName;
  readonly rules: readonly RoutingRule[];
  /** By a pattern of ids. */
  readonly weights: Readonly<Record<string, number>>;
  /** With `prefix-aware`, a backend gets no more than its share of the requests in flight, times this. */
  readonly prefixLoadFactor: number;
  /** Requests in flight to a model of a backend. */
  readonly maxInFlight: number;
  /** Requests that wait for a backend. */
  readonly maxQueued: number;
  readonly queueTimeoutMs: number;
  /** Failures one after the other after which a model of a backend gets no requests. */
  readonly circuitFailures: number;
  /** For how long the first time. */
  readonly circuitOpenMs: number;
}

/** When the daemon reports that it is unhealthy. */
export interface HealthSettings {
  /** An engine that has work and makes no step for this long is not ready. */
  readonly stallAfterMs: number;
}

/** How the daemon registers itself. */
export interface DiscoverySettings {
  readonly provider: "embedded" | "consul" | "static";
  /** Of the provider `static`: the URLs of daemons, which are asked for their models. */
  readonly daemons: readonly string[];
  /** Between two requests to one of them. */
  readonly checkIntervalMs: number;
  /** One DNS label. */
  readonly serviceName: string;
  /** Address at which others reach this daemon; `undefined`: the one it listens on. */
  readonly advertiseAddress: string | undefined;
  /** Besides `openai` and the model's. */
  readonly tags: readonly string[];
  /** Between updates of the load. */
  readonly updateIntervalMs: number;
}

/** How Consul is reached; its token is no setting. Files are absolute. */
export interface ConsulSettings {
  readonly url: string;
  readonly tokenFile: string | undefined;
  readonly datacenter: string | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly serverName: string | undefined;
  readonly ttlMs: number;
  readonly criticalTimeoutMs: number;
}

/** The resolved configuration: validated and frozen. */
export interface InfernodeConfig {
  readonly server: ServerConfig;
  readonly session: SessionSettings;
  /** Every model that is served; at least one. */
  readonly models: readonly ModelConfig[];
  /** Settings of models that have no others. Its `memoryLimitBytes` limits all models together. */
  readonly engine: EngineSettings;
  readonly store: StoreSettings;
  readonly log: LogSettings;
  readonly health: HealthSettings;
  readonly discovery: DiscoverySettings;
  readonly consul: ConsulSettings;
  readonly gateway: GatewaySettings;
}

/** Where a value came from. `name` is the file, variable or flag. */
export interface ConfigOrigin {
  readonly source: "default" | "file" | "environment" | "flag" | "program";
  readonly name: string | undefined;
}
