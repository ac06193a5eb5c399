import type { Policy } from "./policy.ts";

/** More would be backends that are gone. */
const maxKnownBackends = 4096;

/**
 * Creates a policy that chooses one after the other; with `isWeighted`, each as often as its weight says, evenly
 * spread. Each model has its own order.
 * @see https://github.com/nginx/nginx/blob/master/src/http/ngx_http_upstream_round_robin.c for the smooth weighted kind
 */
export function createRoundRobin({ isWeighted }: { readonly isWeighted: boolean }): Policy {
  const creditOf = new Map<string, number>();

  return {
    choose(candidates, { model }) {
      let chosen: (typeof candidates)[number] | undefined;
      let chosenKey = "";
      let most = -Infinity;
      let total = 0;
      for (const candidate of candidates) {
        const weight = isWeighted ? candidate.weight : 1;
        const key = `${model}\n${candidate.id}`;
        const credit = (creditOf.get(key) ?? 0) + weight;
        creditOf.set(key, credit);
        total += weight;
        if (credit > most) {
          most = credit;
          chosen = candidate;
          chosenKey = key;
        }
      }
      if (chosen !== undefined) creditOf.set(chosenKey, most - total);
      if (creditOf.size > maxKnownBackends) creditOf.clear();
      return chosen;
    },
  };
}
