export {
  type ConformanceCase,
  type DiscoveryConformanceOptions,
  discoveryProviderCases,
} from "./conformance/discovery-provider-cases.ts";
