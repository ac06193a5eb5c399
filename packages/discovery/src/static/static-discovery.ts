import type { DiscoveryProvider } from "../discovery-provider.ts";
import { createInstanceStore } from "../instance-store.ts";
import { provideStore } from "../provide-store.ts";
import { resolveStaticOptions, type StaticDiscoveryOptions } from "./static-options.ts";
import { watchService, type CheckedService } from "./watch-service.ts";

/** A provider of a list of services. */
export interface StaticDiscovery extends DiscoveryProvider {
  /** What the last look at each service of the list showed. */
  checks(): readonly CheckedService[];
  /** Resolves when each has been looked at once. */
  looked(): Promise<void>;
}

/**
 * Creates a provider of services that are known beforehand: it looks at each of them again and again, and lists it as
 * `critical` until it answers and while it does not. What is registered here only this provider lists.
 * @throws DiscoveryError `INVALID_OPTION`, `INVALID_REGISTRATION`, `DUPLICATE_ID`
 */
export function createStaticDiscovery(input: StaticDiscoveryOptions): StaticDiscovery {
  const options = resolveStaticOptions(input);
  const store = createInstanceStore(options.events);
  const ending = new AbortController();
  const watched = options.services.map((service) =>
    watchService(service, { store, options, signal: ending.signal }),
  );
  const looked = Promise.all(watched.map(({ looked: first }) => first)).then(() => undefined);
  const provider = provideStore(store);
  const dispose = async (): Promise<void> => {
    ending.abort();
    await provider.dispose();
  };
  return {
    ...provider,
    checks: () => watched.map(({ read }) => read()),
    looked: () => looked,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
