import type { DiscoveryProvider } from "./discovery-provider.ts";
import { DiscoveryError } from "./errors.ts";
import type { DiscoveryEventSink } from "./events.ts";
import { createInstanceStore } from "./instance-store.ts";
import { provideStore } from "./provide-store.ts";

/** Options of `createEmbeddedDiscovery`. */
export interface EmbeddedDiscoveryOptions {
  /** Receives the events of this provider. [none] */
  readonly events?: DiscoveryEventSink;
}

/**
 * Creates a provider that keeps services in this process, for a single machine. Lists are frozen and in the order
 * of registration.
 * @throws DiscoveryError `INVALID_OPTION`
 */
export function createEmbeddedDiscovery(options: EmbeddedDiscoveryOptions = {}): DiscoveryProvider {
  for (const key of Object.keys(options)) {
    if (key !== "events") {
      throw new DiscoveryError(
        "INVALID_OPTION",
        `createEmbeddedDiscovery: expected only the option events, got "${key}"`,
      );
    }
  }
  return provideStore(createInstanceStore(options.events));
}
