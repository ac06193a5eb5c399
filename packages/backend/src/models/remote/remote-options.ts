import type { ClockPort } from "@infernode/inference";
import { BackendError } from "../../errors.ts";
import { dialectNames, type DialectName } from "./dialect.ts";

/** What `createRemoteService` takes. Defaults in brackets. */
export interface RemoteServiceOptions {
  /** The base URL, with or without `/v1`, such as `http://10.0.0.5:8000/v1`. */
  readonly url: string;
  /** Sent as a bearer token; never logged and in no error message. [none] */
  readonly apiKey?: string | undefined;
  /** Ids of the models to serve. [all that the server lists] */
  readonly models?: readonly string[] | undefined;
  /** Which parameters the server supports beyond OpenAI's. [by `owned_by` in its list of models, else `openai`] */
  readonly dialect?: DialectName | undefined;
  /** Interval between requests for the list of models. [10000] */
  readonly refreshIntervalMs?: number | undefined;
  /** Timeout of requests for the list of models and for the tokens of a prompt. [10000] */
  readonly requestTimeoutMs?: number | undefined;
  /** Timeout until an answer begins, including the time in the server's queue. [300000] */
  readonly firstByteTimeoutMs?: number | undefined;
  /** Timeout between two events of an answer; pings do not count. [300000] */
  readonly idleTimeoutMs?: number | undefined;
  /** Maximum size of an event and of a JSON response. [8 MiB] */
  readonly maxEventBytes?: number | undefined;
  /** [the platform's] */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** [`performance`] */
  readonly clock?: ClockPort | undefined;
}

/** Validated options with all defaults. */
export interface ResolvedRemoteOptions {
  /** Origin and path before `/v1`, without a trailing slash. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly models: readonly string[] | undefined;
  readonly dialect: DialectName | undefined;
  readonly refreshIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxEventBytes: number;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: ClockPort;
}

const numbers = {
  refreshIntervalMs: { least: 100, most: 86_400_000, value: 10_000 },
  requestTimeoutMs: { least: 1, most: 86_400_000, value: 10_000 },
  firstByteTimeoutMs: { least: 1, most: 86_400_000, value: 300_000 },
  idleTimeoutMs: { least: 1, most: 86_400_000, value: 300_000 },
  maxEventBytes: { least: 1024, most: 2 ** 29, value: 8 * 2 ** 20 },
} as const;

const known = new Set(["url", "apiKey", "models", "dialect", "fetch", "clock", ...Object.keys(numbers)]);

function invalid(field: string, expected: string, got: unknown): BackendError {
  const shown = typeof got === "string" ? JSON.stringify(got) : String(got);
  return new BackendError("INVALID_CONFIG", `\`${field}\`: expected ${expected}, got ${shown}`);
}

function resolveUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw invalid("url", "an http or https URL", url);
  }
  if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "" || parsed.hash !== "") {
    // Error messages contain the URL, so it must contain no secrets.
    throw invalid("url", "a URL without a user, a password, a query and a fragment", "another");
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, "").replace(/\/v1$/, "")}`;
}

function resolveApiKey(apiKey: string | undefined): string | undefined {
  if (apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)) return apiKey;
  throw invalid("apiKey", "printable ASCII characters without spaces", "something else");
}

/** Validates options and fills in the defaults. @throws BackendError `INVALID_CONFIG` */
export function resolveRemoteOptions(options: RemoteServiceOptions): ResolvedRemoteOptions {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw invalid(name, `one of the options ${[...known].join(", ")}`, name);
  }
  const { models, dialect } = options;
  if (models !== undefined && (models.length === 0 || models.some((id) => id === ""))) {
    throw invalid("models", "at least one id, none of them empty", JSON.stringify(models));
  }
  if (dialect !== undefined && !dialectNames.includes(dialect)) {
    throw invalid("dialect", `one of ${dialectNames.join(", ")}`, dialect);
  }
  const numberOf = (field: keyof typeof numbers): number => {
    const { least, most, value: byDefault } = numbers[field];
    const value = options[field] ?? byDefault;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw invalid(field, `an integer from ${least} to ${most}`, value);
  };
  return Object.freeze({
    baseUrl: resolveUrl(options.url),
    apiKey: resolveApiKey(options.apiKey),
    models: models && [...new Set(models)],
    dialect,
    refreshIntervalMs: numberOf("refreshIntervalMs"),
    requestTimeoutMs: numberOf("requestTimeoutMs"),
    firstByteTimeoutMs: numberOf("firstByteTimeoutMs"),
    idleTimeoutMs: numberOf("idleTimeoutMs"),
    maxEventBytes: numberOf("maxEventBytes"),
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? performance,
  });
}
