import type { Candidate, Policy } from "./policy.ts";

/** Whether the first has less to do for its weight; of two alike, the one with more free KV cache. */
function isFreer(one: Candidate, other: Candidate): boolean {
  const difference = (one.load + 1) / one.weight - (other.load + 1) / other.weight;
  return difference === 0 ? (one.freeKvShare ?? 0) > (other.freeKvShare ?? 0) : difference < 0;
}

/** Draws one by weight, other than the first that was drawn. `drawn` is from 0 to 1. */
function draw<Each extends Candidate>(
  candidates: readonly Each[],
  drawn: number,
  first?: Each,
): Each | undefined {
  const rest = candidates.filter((each) => each !== first);
  let left = drawn * rest.reduce((sum, { weight }) => sum + weight, 0);
  return rest.find(({ weight }) => (left -= weight) < 0) ?? rest.at(-1);
}

/**
 * Creates a policy that draws two backends by weight and chooses the one with less to do. Loads are known late:
 * choosing the least loaded of all would send every request of a while to the same one.
 * @see https://www.eecs.harvard.edu/~michaelm/postscripts/mythesis.pdf
 */
export function createLeastLoaded({ random }: { readonly random: () => number }): Policy {
  return {
    choose(candidates) {
      const one = draw(candidates, random());
      const other = draw(candidates, random(), one);
      return one !== undefined && other !== undefined && isFreer(other, one) ? other : one;
    },
  };
}
