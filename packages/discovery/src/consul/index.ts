export { createConsulDiscovery } from "./consul-discovery.ts";
export type { ConsulDiscovery, ConsulStatus } from "./consul-discovery.ts";
export type { ConsulDiscoveryOptions, ConsulTls } from "./consul-options.ts";
