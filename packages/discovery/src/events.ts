import type { ServiceInstance, ServiceState } from "./discovery-provider.ts";

/** Events of this package: plain data, emitted after the change. */
export type DiscoveryEventMap = {
  "discovery:service-registered": { readonly service: ServiceInstance };
  "discovery:service-updated": { readonly service: ServiceInstance; readonly previousState: ServiceState };
  /** `service` is its last state. */
  "discovery:service-deregistered": { readonly service: ServiceInstance };
  "discovery:registry-state-changed": {
    readonly registry: string;
    readonly state: RegistryState;
    /** Why requests fail; `undefined` while they succeed. */
    readonly reason: string | undefined;
  };
};

/** What the last request to a registry showed; a registry refuses a token or a namespace. */
export type RegistryState = "reachable" | "unreachable" | "refused";

/** A name and its payload, for each event of the map. */
export type DiscoveryEvent = {
  [Name in keyof DiscoveryEventMap]: [Name, DiscoveryEventMap[Name]];
}[keyof DiscoveryEventMap];

/**
 * Receives events. `emit` takes a union of tuples, so that a bus with a larger map fits. It is a property, because
 * methods are compared bivariantly and a bus with too small a map would fit too.
 */
export interface DiscoveryEventSink {
  readonly emit: (...event: DiscoveryEvent) => void;
}
