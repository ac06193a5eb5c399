import { systemClock, type DiscoveryClock } from "../clock.ts";
import type { ServiceRegistration } from "../discovery-provider.ts";
import { DiscoveryError } from "../errors.ts";
import type { DiscoveryEventSink } from "../events.ts";
import { parseServiceRegistration } from "../service-registration.ts";
import { createHttpCheck, type ServiceCheck } from "./service-check.ts";

/** Options of `createStaticDiscovery`. Defaults in brackets. */
export interface StaticDiscoveryOptions {
  /** Where to look. Ids are unique. */
  readonly services: readonly ServiceRegistration[];
  /** [`GET /health` over HTTP, which a status of 2xx passes] */
  readonly check?: ServiceCheck;
  /** Between two looks at a service. [5000] */
  readonly intervalMs?: number;
  /** A service that has not answered for this long does not. [2000] */
  readonly timeoutMs?: number;
  /** Receives the events of this provider. [none] */
  readonly events?: DiscoveryEventSink;
  /** [the system's] */
  readonly clock?: DiscoveryClock;
}

/** Options with all defaults. */
export interface ResolvedStaticOptions {
  readonly services: readonly ServiceRegistration[];
  readonly check: ServiceCheck;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly events: DiscoveryEventSink | undefined;
  readonly clock: DiscoveryClock;
}

/** The longest delay of a timer. */
const maxMs = 2_147_483_647;
const maxServices = 1024;
const optionNames = new Set(["services", "check", "intervalMs", "timeoutMs", "events", "clock"]);

/**
 * Validates options and adds the defaults.
 * @throws DiscoveryError `INVALID_OPTION`, `INVALID_REGISTRATION`, `DUPLICATE_ID`
 */
export function resolveStaticOptions(options: StaticDiscoveryOptions): ResolvedStaticOptions {
  const unknown = Object.keys(options).find((name) => !optionNames.has(name));
  if (unknown !== undefined) {
    throw invalid(unknown, `an option among ${[...optionNames].join(", ")}`, unknown);
  }
  if (options.services.length > maxServices) {
    throw invalid("services", `at most ${maxServices}`, options.services.length);
  }
  const services = options.services.map(parseServiceRegistration);
  const ids = services.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new DiscoveryError("DUPLICATE_ID", `services: expected unique ids, got "${twice}" twice`);
  }
  return Object.freeze({
    services,
    check: options.check ?? createHttpCheck(),
    intervalMs: milliseconds("intervalMs", options.intervalMs ?? 5000),
    timeoutMs: milliseconds("timeoutMs", options.timeoutMs ?? 2000),
    events: options.events,
    clock: options.clock ?? systemClock,
  });
}

function invalid(name: string, expected: string, got: unknown): DiscoveryError {
  return new DiscoveryError("INVALID_OPTION", `${name}: expected ${expected}, got ${JSON.stringify(got)}`);
}

function milliseconds(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > maxMs) {
    throw invalid(name, `milliseconds from 1 to ${maxMs}`, value);
  }
  return value;
}
