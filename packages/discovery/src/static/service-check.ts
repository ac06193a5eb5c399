import type { ServiceInstance, ServiceRegistration } from "../discovery-provider.ts";

/**
 * Looks at a service that is listed. Resolves with the instances that are there: itself with its state, or others in
 * its place; rejects if it does not answer.
 */
export type ServiceCheck = (
  service: ServiceRegistration,
  signal: AbortSignal,
) => Promise<readonly ServiceInstance[]>;

/** Options of `createHttpCheck`. Defaults in brackets. */
export interface HttpCheckOptions {
  /** [/health] */
  readonly path?: string;
  /** [the platform's] */
  readonly fetch?: typeof globalThis.fetch;
}

/** Creates a check by a GET request over HTTP: a status of 2xx is passing, another one critical. */
export function createHttpCheck(options: HttpCheckOptions = {}): ServiceCheck {
  const { path = "/health", fetch = globalThis.fetch } = options;
  return async (service, signal) => {
    const host = service.address.includes(":") ? `[${service.address}]` : service.address;
    const answer = await fetch(`http://${host}:${service.port}${path}`, { signal, redirect: "manual" });
    await answer.body?.cancel();
    return [{ ...service, state: answer.ok ? "passing" : "critical" }];
  };
}
