import { prefixesOfModel } from "../../../text/prompt-prefix.ts";
import type { Candidate, Policy } from "./policy.ts";
import { PrefixHolders } from "./prefix-holders.ts";
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

/** The least loaded of those that say that they have these beginnings, all of them: a digest errs about some. */
function findCached<Each extends Candidate>(
  candidates: Iterable<Each>,
  prefixes: readonly number[],
): Each | undefined {
  let found: Each | undefined;
  for (const each of candidates) {
    if (found !== undefined && found.load / found.weight <= each.load / each.weight) continue;
    const { cached } = each;
    if (cached !== undefined && prefixes.every((prefix) => cached.has(prefix))) found = each;
  }
  return found;
}

/**
 * Creates a policy that sends prompts that begin alike to one backend, which has the beginning in its cache: the one
 * that last got the longest of its beginnings from this gateway, or says that it has it, else one that is found by the
 * hash of the first, the same in every gateway. A backend that would have more than its share of the load is passed
 * over.
 */
export function createPrefixAware({ loadFactor, rememberedPrefixes, inner }: PrefixAwareOptions): Policy {
  const holders = new PrefixHolders(rememberedPrefixes);

  /** The longest beginning counts; of one length, what this gateway remembers. */
  function findHolder<Each extends Candidate>(
    prefixes: readonly number[],
    free: ReadonlySet<Each>,
  ): Each | undefined {
    for (let length = prefixes.length; length > 0; length -= 1) {
      const remembered = holders.find(prefixes[length - 1]!);
      const holder =
        (remembered === undefined ? undefined : [...free].find(({ id }) => id === remembered)) ??
        findCached(free, prefixes.slice(0, length));
      if (holder !== undefined) return holder;
    }
    return undefined;
  }

  return {
    choose(candidates, request) {
      const prefixes = prefixesOfModel(request.model, request.prefixes);
      const [first] = prefixes;
      if (first === undefined) return inner.choose(candidates, request);
      const free = withinBound(candidates, loadFactor);
      const chosen =
        findHolder(prefixes, free) ?? rankByHash(first, candidates).find((each) => free.has(each));
      if (chosen !== undefined) for (const prefix of prefixes) holders.note(prefix, chosen.id);
      return chosen;
    },
  };
}
