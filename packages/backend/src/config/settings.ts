import { engineDefaults } from "./engine-defaults.ts";
import {
  address,
  bytes,
  choice,
  hostNames,
  integer,
  list,
  milliseconds,
  text,
  type SettingKind,
} from "./setting-kinds.ts";

/** One thing that can be set: its place in the file, its flag and its variable. */
export interface Setting {
  /** `section.key` in the configuration file. */
  readonly path: string;
  readonly kind: SettingKind;
  /** Absent means: decided at start, by the model or the machine. */
  readonly default: unknown;
  readonly flag: string;
  readonly description: string;
  /** A short name besides `INFERNODE_SECTION__KEY`. */
  readonly shortVariable?: string;
  /** A relative path counts from the file that names it, else from the working directory. */
  readonly isPath?: boolean;
}

const maxTokens = 2 ** 24;

/** Every setting, in the order of the printed configuration. */
export const settings: readonly Setting[] = [
  {
    path: "server.host",
    kind: address(),
    default: "127.0.0.1",
    flag: "host",
    shortVariable: "INFERNODE_HOST",
    description: "address to listen on",
  },
  {
    path: "server.port",
    kind: integer(0, 65_535),
    default: 8000,
    flag: "port",
    shortVariable: "INFERNODE_PORT",
    description: "port to listen on; 0 takes a free one",
  },
  {
    path: "server.allowedHosts",
    kind: hostNames(),
    default: [],
    flag: "allowed-hosts",
    description:
      "host names that requests may be addressed to besides this machine's own, separated by commas; " +
      ".example.com for all below it, * for any",
  },
  {
    path: "server.maxConnections",
    kind: integer(1, 1_000_000),
    default: undefined,
    flag: "max-connections",
    description:
      "connections that are held at the same time; by default 4096, or as many as the limit of open files leaves",
  },
  {
    path: "server.bodyLimitBytes",
    kind: bytes(1024),
    default: undefined,
    flag: "body-limit",
    description: "largest request body; by default 128 bytes for each token of the context, from 2 to 8 MiB",
  },
  {
    path: "server.bodyMemoryBytes",
    kind: bytes(2 ** 20),
    default: undefined,
    flag: "body-memory",
    description:
      "memory of all request bodies that are handled at the same time; " +
      "by default an eighth of the machine's or the container's, from 64 to 512 MiB",
  },
  {
    path: "server.corsOrigins",
    kind: list("a list of origins such as https://app.example, or *", "<origins>"),
    default: [],
    flag: "cors-origins",
    description: "browser origins that may call, separated by commas; * for all",
  },
  {
    path: "server.requestTimeoutMs",
    kind: milliseconds(0),
    default: 60_000,
    flag: "request-timeout",
    description: "time for a client to send its whole request; 0 for no limit",
  },
  {
    path: "server.keepAliveTimeoutMs",
    kind: milliseconds(0),
    default: 72_000,
    flag: "keep-alive-timeout",
    description: "time that an idle connection stays open",
  },
  {
    path: "server.pingIntervalMs",
    kind: milliseconds(100),
    default: 15_000,
    flag: "ping-interval",
    description: "a quiet stream gets a comment this often",
  },
  {
    path: "server.writeTimeoutMs",
    kind: milliseconds(100),
    default: 30_000,
    flag: "write-timeout",
    description: "a reader that takes nothing for this long loses its stream",
  },
  {
    path: "server.drainTimeoutMs",
    kind: milliseconds(0),
    default: 30_000,
    flag: "drain-timeout",
    description: "time for running work to finish at shutdown",
  },
  {
    path: "model.path",
    kind: text("a directory, or embedded", "<directory>"),
    default: "embedded",
    flag: "model",
    shortVariable: "INFERNODE_MODEL",
    description: "Hugging Face model directory; embedded is the small one that comes along",
    isPath: true,
  },
  {
    path: "model.name",
    kind: text("a name", "<name>"),
    default: undefined,
    flag: "model-name",
    shortVariable: "INFERNODE_MODEL_NAME",
    description: "name of the model in the API; by default the checkpoint's",
  },
  {
    path: "model.chatTemplate",
    kind: text("a file", "<file>"),
    default: undefined,
    flag: "chat-template",
    description: "Jinja file to take in place of the checkpoint's own chat template",
    isPath: true,
  },
  {
    path: "engine.maxSequences",
    kind: integer(1, 4096),
    default: undefined,
    flag: "max-sequences",
    description: "answers that are generated at the same time; by default 16, or fewer when memory is short",
  },
  {
    path: "engine.contextTokens",
    kind: integer(16, maxTokens),
    default: undefined,
    flag: "context-tokens",
    description:
      "longest prompt and answer together; by default the checkpoint's, or less when memory is short",
  },
  {
    path: "engine.maxTokensPerStep",
    kind: integer(1, 2 ** 20),
    default: engineDefaults.maxTokensPerStep,
    flag: "max-tokens-per-step",
    description: "tokens of prompts and answers in one step; bounds how long a step takes",
  },
  {
    path: "engine.stepTimeMs",
    kind: milliseconds(1),
    default: engineDefaults.stepTimeMs,
    flag: "step-time",
    description:
      "how long the prompts' part of one step should take; by measurement, and not below 32 tokens",
  },
  {
    path: "engine.maxQueuedRequests",
    kind: integer(1, 1_000_000),
    default: engineDefaults.maxQueuedRequests,
    flag: "max-queued-requests",
    description: "requests that may wait; one more gets 429",
  },
  {
    path: "engine.maxQueuedTokens",
    kind: integer(1, 2 ** 31 - 1),
    default: engineDefaults.maxQueuedTokens,
    flag: "max-queued-tokens",
    description: "prompt tokens that may wait; more get 429",
  },
  {
    path: "engine.answerMemoryBytes",
    kind: bytes(2 ** 20),
    default: undefined,
    flag: "answer-memory",
    description:
      "memory for log-probabilities and texts of answers on their way; by default an eighth of what may be used, at most 256 MiB, and room for one whole answer",
  },
  {
    path: "engine.promptTimeoutMs",
    kind: milliseconds(10),
    default: engineDefaults.promptTimeoutMs,
    flag: "prompt-timeout",
    description:
      "time to render and tokenize one prompt, and 1 ms more for each 500 characters; one that takes longer gets 400",
  },
  {
    path: "engine.threads",
    kind: integer(1, 1024),
    default: undefined,
    flag: "threads",
    description: "threads of one forward; by default the processor's cores",
  },
  {
    path: "engine.runtime",
    kind: choice(["auto", "ffi", "binding"]),
    default: engineDefaults.runtime,
    flag: "runtime",
    description: "way into onnxruntime: its C API, or the Node binding",
  },
  {
    path: "engine.memoryLimitBytes",
    kind: bytes(2 ** 20),
    default: undefined,
    flag: "memory-limit",
    description: "a model whose plan needs more is refused; by default what the system has free",
  },
  {
    path: "engine.startTimeoutMs",
    kind: milliseconds(1000),
    default: engineDefaults.startTimeoutMs,
    flag: "start-timeout",
    description: "time for the engine process to load the model",
  },
  {
    path: "engine.hangAfterMs",
    kind: milliseconds(1000),
    default: undefined,
    flag: "hang-after",
    description:
      "work without a step for this long ends the engine process, and it is started again; " +
      "by default 10 minutes, and more in proportion above 256 for maxTokensPerStep",
  },
  {
    path: "engine.maxRestarts",
    kind: integer(0, 1000),
    default: engineDefaults.maxRestarts,
    flag: "max-restarts",
    description: "crashes of the engine in a row, nothing served between, before the daemon gives up",
  },
  {
    path: "log.level",
    kind: choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    default: "info",
    flag: "log-level",
    shortVariable: "INFERNODE_LOG_LEVEL",
    description: "least level that is logged",
  },
  {
    path: "log.format",
    kind: choice(["auto", "pretty", "json"]),
    default: "auto",
    flag: "log-format",
    shortVariable: "INFERNODE_LOG_FORMAT",
    description: "auto is pretty on a terminal and JSON elsewhere",
  },
  {
    path: "discovery.serviceName",
    kind: text("a service name", "<name>"),
    default: "infernode",
    flag: "service-name",
    description: "name to register under",
  },
  {
    path: "discovery.advertiseAddress",
    kind: text("an address or host name", "<address>"),
    default: undefined,
    flag: "advertise-address",
    description: "address that others reach this daemon by; by default the listening one",
  },
  {
    path: "health.stallAfterMs",
    kind: milliseconds(100),
    default: 30_000,
    flag: "stall-after",
    description: "work without a step for this long makes the daemon unhealthy",
  },
];

/** `engine.maxSequences` → `INFERNODE_ENGINE__MAX_SEQUENCES`. */
export function variableOf(path: string): string {
  const snake = path
    .split(".")
    .map((part) => part.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase())
    .join("__");
  return `INFERNODE_${snake}`;
}
