import { hashText, mixHash } from "../../../text/hash-text.ts";
import type { Candidate, Policy } from "./policy.ts";
import { PrefixMemory } from "./prefix-memory.ts";
import { rankByHash } from "./rank-by-hash.ts";

/** What the policy is made of. */
export interface PrefixAwareOptions {
  /** A backend gets no more than its share of all requests in flight, times this; at least 1. */
  readonly loadFactor: number;
  /** Beginnings of prompts that are remembered. */
  readonly rememberedPrefixes: number;
  /** For prompts that are too short to be hashed. */
  readonly inner: Policy;
}

/** Those that have not more than their share of the load, with this request. @see https://arxiv.org/abs/1608.01350 */
function withinBound<Each extends Candidate>(candidates: readonly Each[], loadFactor: number): Set<Each> {
  const weights = candidates.reduce((sum, { weight }) => sum + weight, 0);
  const load = candidates.reduce((sum, each) => sum + each.load, 1);
  return new Set(
    candidates.filter((each) => each.load + 1 <= Math.ceil((loadFactor * load * each.weight) / weights)),
  );
}

/**
 * Creates a policy that sends prompts that begin alike to one backend, which has the beginning in its cache: the one
 * that last got the longest of its beginnings, else one that is found by the hash of the first, the same in every
 * gateway. A backend that would have more than its share of the load is passed over.
 */
export function createPrefixAware({ loadFactor, rememberedPrefixes, inner }: PrefixAwareOptions): Policy {
  const memory = new PrefixMemory(rememberedPrefixes);

  return {
    choose(candidates, request) {
      const scope = hashText(request.model);
      const prefixes = request.prefixes.map((prefix) => mixHash(prefix ^ scope));
      const [first] = prefixes;
      if (first === undefined) return inner.choose(candidates, request);
      const free = withinBound(candidates, loadFactor);
      const holder = prefixes
        .toReversed()
        .map((prefix) => candidates.find(({ id }) => id === memory.find(prefix)))
        .find((each) => each !== undefined && free.has(each));
      const chosen = holder ?? rankByHash(first, candidates).find((each) => free.has(each));
      if (chosen !== undefined) for (const prefix of prefixes) memory.note(prefix, chosen.id);
      return chosen;
    },
  };
}
