import { createLeastLoaded } from "./policies/least-loaded.ts";
import type { Policy } from "./policies/policy.ts";
import { createPrefixAware } from "./policies/prefix-aware.ts";
import { createRoundRobin } from "./policies/round-robin.ts";
import { createSticky } from "./policies/sticky.ts";
import type { PolicyName } from "../../config/routing-rule.ts";

/** What policies are made of. */
export interface PolicyOptions {
  readonly random: () => number;
  readonly prefixLoadFactor: number;
}

const rememberedPrefixes = 65_536;

/** Creates one policy of each name. With each, requests of a conversation stay on their backend. */
export function createPolicies({
  random,
  prefixLoadFactor,
}: PolicyOptions): Readonly<Record<PolicyName, Policy>> {
  const leastLoaded = createLeastLoaded({ random });
  const prefixAware = createPrefixAware({
    loadFactor: prefixLoadFactor,
    rememberedPrefixes,
    inner: leastLoaded,
  });
  return {
    "round-robin": createSticky(createRoundRobin({ isWeighted: false })),
    weighted: createSticky(createRoundRobin({ isWeighted: true })),
    "least-loaded": createSticky(leastLoaded),
    "prefix-aware": createSticky(prefixAware),
  };
}
