import { registrationCases } from "./registration-cases.ts";
import { updateCases } from "./update-cases.ts";
import { watchCases } from "./watch-cases.ts";
import type { DiscoveryProvider, ServiceRegistration } from "../discovery-provider.ts";

const bodies = { ...registrationCases, ...updateCases, ...watchCases };

/** One test: a sentence about behaviour, and `run`, which throws unless it holds. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Options of `discoveryProviderCases`. */
export interface DiscoveryConformanceOptions {
  /** Creates a provider for one case, which disposes it. */
  readonly create: () => Promise<DiscoveryProvider>;
  /** Prefix of all service names and ids, so that cases can share a registry with others. [conformance] */
  readonly namePrefix?: string;
}

/** Lists the conformance cases of a discovery provider; they are independent of each other. */
export function discoveryProviderCases(options: DiscoveryConformanceOptions): readonly ConformanceCase[] {
  const { create, namePrefix = "conformance" } = options;
  return Object.entries(bodies).map(([name, body], index) => ({
    name,
    async run() {
      const provider = await create();
      const serviceName = `${namePrefix}-${index}`;
      let count = 0;
      const registration = (change: Partial<ServiceRegistration> = {}): ServiceRegistration => {
        count += 1;
        return {
          id: `${serviceName}-${count}`,
          name: serviceName,
          address: "127.0.0.1",
          port: 8000 + count,
          tags: [],
          metadata: {},
          ...change,
        };
      };
      try {
        await body({ provider, name: serviceName, registration });
      } finally {
        await provider.dispose();
      }
    },
  }));
}
