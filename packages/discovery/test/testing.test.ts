import { expect, test } from "vitest";
import { createEmbeddedDiscovery, type DiscoveryProvider } from "../src/index.ts";
import { discoveryProviderCases } from "../src/testing.ts";

/** The embedded provider with something wrong, and the case that must notice. */
const faults: readonly (readonly [
  caseName: string,
  spoil: (good: DiscoveryProvider) => DiscoveryProvider,
])[] = [
  [
    "registers in the state that is asked for, and in no other before",
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
    "tells a watcher nothing of other services, nor of an update that changes nothing",
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
  "%s: a provider that does not is found out",
  async (caseName, spoil) => {
    const cases = discoveryProviderCases({ create: async () => spoil(createEmbeddedDiscovery()) });
    const failed: string[] = [];
    for (const { name, run } of cases) await run().catch(() => failed.push(name));
    expect(failed).toContain(caseName);
  },
  30_000,
);
