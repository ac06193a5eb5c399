import { expect, test } from "vitest";
import { createEmbeddedDiscovery, type DiscoveryProvider } from "../src/index.ts";
import { discoveryProviderCases } from "../src/testing.ts";

/** Faults in the embedded provider, and the case that must detect each. */
const faults: readonly (readonly [
  caseName: string,
  addFault: (good: DiscoveryProvider) => DiscoveryProvider,
])[] = [
  [
    "registers with the requested state, and with no other before",
    (good) => ({
      ...good,
      register: async (service, { state } = {}) => {
        const registered = await good.register(service);
        if (state !== undefined) await registered.update({ state });
        return registered;
      },
    }),
  ],
  [
    "notifies a watcher neither of other services nor of an update without a change",
    (good) => ({
      ...good,
      watch: async function* (name, options) {
        for await (const list of good.watch(name, options)) {
          yield list;
          yield list;
        }
      },
    }),
  ],
  [
    "filters by name, by tag and by state, and by all together",
    (good) => ({ ...good, list: ({ name } = {}) => good.list(name === undefined ? {} : { name }) }),
  ],
];

test.each(faults)(
  "%s: detects a provider that does not",
  async (caseName, addFault) => {
    const cases = discoveryProviderCases({ create: async () => addFault(createEmbeddedDiscovery()) });
    const failed: string[] = [];
    for (const { name, run } of cases) await run().catch(() => failed.push(name));
    expect(failed).toContain(caseName);
  },
  30_000,
);
