export type {
  DiscoveryProvider,
  RegisteredService,
  ServiceInstance,
  ServiceRegistration,
  ServiceState,
} from "./discovery-provider.ts";
export { createEmbeddedDiscovery } from "./embedded-discovery.ts";
export type { EmbeddedDiscoveryOptions } from "./embedded-discovery.ts";
export { DiscoveryError, InvalidRegistrationError } from "./errors.ts";
export type { DiscoveryErrorCode } from "./errors.ts";
export type { DiscoveryEvent, DiscoveryEventMap, DiscoveryEventSink, RegistryState } from "./events.ts";
export { parseServiceRegistration, parseServiceState, registrationLimits } from "./service-registration.ts";
