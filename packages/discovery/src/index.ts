export type { DiscoveryClock } from "./clock.ts";
export type {
  DiscoveryProvider,
  RegisteredService,
  ServiceInstance,
  ServiceRegistration,
  ServiceState,
} from "./discovery-provider.ts";
export { createEmbeddedDiscovery } from "./embedded-discovery.ts";
export type { EmbeddedDiscoveryOptions } from "./embedded-discovery.ts";
export { createHttpCheck, type HttpCheckOptions, type ServiceCheck } from "./static/service-check.ts";
export { createStaticDiscovery, type StaticDiscovery } from "./static/static-discovery.ts";
export type { StaticDiscoveryOptions } from "./static/static-options.ts";
export type { CheckedService } from "./static/watch-service.ts";
export { DiscoveryError, InvalidRegistrationError } from "./errors.ts";
export type { DiscoveryErrorCode } from "./errors.ts";
export type { DiscoveryEvent, DiscoveryEventMap, DiscoveryEventSink, RegistryState } from "./events.ts";
export { parseServiceRegistration, parseServiceState, registrationLimits } from "./service-registration.ts";
