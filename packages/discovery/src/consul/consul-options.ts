import { systemClock, type DiscoveryClock } from "../clock.ts";
import { registrationLimits } from "../service-registration.ts";
import type { ServiceRegistration } from "../discovery-provider.ts";
import { DiscoveryError } from "../errors.ts";
import type { DiscoveryEventSink } from "../events.ts";

/** Certificates in PEM, as `node:tls` takes them. */
export interface ConsulTls {
  /** Certificates of the authorities that are trusted. [those of Node] */
  readonly ca?: string | Buffer;
  /** The client's own, with its key. [none] */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name expected in the server's certificate. [the host of the URL] */
  readonly servername?: string;
}

/** Options of `createConsulDiscovery`. Defaults in brackets. */
export interface ConsulDiscoveryOptions {
  /** The HTTP address of the local agent. [http://127.0.0.1:8500] */
  readonly url?: string;
  readonly token?: string;
  /** Where services are looked for; they are registered with the agent's own. [that of the agent] */
  readonly datacenter?: string;
  /** Of Consul Enterprise. [that of the token] */
  readonly namespace?: string;
  /** Of Consul Enterprise. [that of the agent] */
  readonly partition?: string;
  readonly tls?: ConsulTls;
  /** A registration that is not confirmed for this long turns critical. Confirmed every third of it. [10000] */
  readonly ttlMs?: number;
  /** Consul removes a registration that is critical for this long; Consul's own minimum is a minute. [600000] */
  readonly criticalTimeoutMs?: number;
  /** How long a request may take, beyond the time for which it waits for a change. [5000] */
  readonly requestTimeoutMs?: number;
  /** How long a watch waits for a change before it asks again. [60000] */
  readonly waitMs?: number;
  /** The delay after a failed request doubles from `minMs` to `maxMs`, half of it at random. [500, 30000] */
  readonly retry?: { readonly minMs?: number; readonly maxMs?: number };
  /**
   * Asked before a registration is confirmed: why its service makes no progress, which turns it critical;
   * `undefined` if it does. [always `undefined`]
   */
  readonly stallReason?: (service: ServiceRegistration) => string | undefined;
  /** Receives the events of this provider. [none] */
  readonly events?: DiscoveryEventSink;
  /** [the system's] */
  readonly clock?: DiscoveryClock;
  /** Numbers from 0 to 1 for the delays. [Math.random] */
  readonly random?: () => number;
}

/** Options with all defaults. */
export interface ResolvedConsulOptions {
  readonly url: URL;
  readonly token: string | undefined;
  readonly datacenter: string | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
  readonly tls: ConsulTls;
  readonly ttlMs: number;
  readonly criticalTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly waitMs: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  readonly stallReason: (service: ServiceRegistration) => string | undefined;
  readonly events: DiscoveryEventSink | undefined;
  readonly clock: DiscoveryClock;
  readonly random: () => number;
}

/** The longest delay of a timer. */
const maxMs = 2_147_483_647;
const optionNames = new Set([
  "url",
  "token",
  "datacenter",
  "namespace",
  "partition",
  "tls",
  "ttlMs",
  "criticalTimeoutMs",
  "requestTimeoutMs",
  "waitMs",
  "retry",
  "stallReason",
  "events",
  "clock",
  "random",
]);

/**
 * Validates options and adds the defaults.
 * @throws DiscoveryError `INVALID_OPTION`
 */
export function resolveConsulOptions(options: ConsulDiscoveryOptions): ResolvedConsulOptions {
  for (const name of Object.keys(options)) {
    if (!optionNames.has(name)) {
      throw invalid(name, `an option among ${[...optionNames].join(", ")}`, name);
    }
  }
  const retry = {
    minMs: milliseconds("retry.minMs", options.retry?.minMs ?? 500, [1, maxMs]),
    maxMs: milliseconds("retry.maxMs", options.retry?.maxMs ?? 30_000, [1, maxMs]),
  };
  if (retry.maxMs < retry.minMs) {
    throw invalid("retry.maxMs", `at least retry.minMs, ${retry.minMs}`, retry.maxMs);
  }
  return Object.freeze({
    url: parseUrl(options.url ?? "http://127.0.0.1:8500"),
    token: headerValue("token", options.token),
    datacenter: headerValue("datacenter", options.datacenter),
    namespace: headerValue("namespace", options.namespace),
    partition: headerValue("partition", options.partition),
    tls: options.tls ?? {},
    ttlMs: milliseconds("ttlMs", options.ttlMs ?? 10_000, [100, maxMs]),
    criticalTimeoutMs: milliseconds("criticalTimeoutMs", options.criticalTimeoutMs ?? 600_000, [
      60_000,
      maxMs,
    ]),
    requestTimeoutMs: milliseconds("requestTimeoutMs", options.requestTimeoutMs ?? 5000, [1, maxMs]),
    waitMs: milliseconds("waitMs", options.waitMs ?? 60_000, [1, 600_000]),
    retry,
    stallReason: options.stallReason ?? (() => undefined),
    events: options.events,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  });
}

function invalid(name: string, expected: string, got: unknown): DiscoveryError {
  return new DiscoveryError(
    "INVALID_OPTION",
    `${name}: expected ${expected}, got ${typeof got === "number" ? got : JSON.stringify(got)}`,
  );
}

function milliseconds(name: string, value: number, [min, max]: readonly [number, number]): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(name, `milliseconds from ${min} to ${max}`, value);
  }
  return value;
}

/** The value is never shown: it may be a token. */
function headerValue(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const { metadataValueLength: length } = registrationLimits;
  if (!/^[\u0021-\u007e]+$/.test(value) || value.length > length) {
    const got = value === "" ? "an empty string" : `one of ${value.length} characters`;
    throw new DiscoveryError(
      "INVALID_OPTION",
      `${name}: expected a string of 1 to ${length} printable ASCII characters without spaces, got ${got}`,
    );
  }
  return value;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    `${url.username}${url.password}${url.search}${url.hash}` === "";
  if (!isPlain) {
    const shown = url === undefined ? text : `${url.protocol}//${url.host}${url.pathname}`;
    throw invalid("url", "an http or https URL without credentials, query and fragment", shown);
  }
  return url;
}
