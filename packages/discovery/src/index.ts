export type {
  DiscoveryProvider,
  RegisteredService,
  ServiceInstance,
  ServiceRegistration,
  ServiceState,
} from "./discovery-provider.ts";
