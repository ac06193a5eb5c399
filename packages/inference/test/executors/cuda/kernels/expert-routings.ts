import { createRandom } from "../../../../../../benchmarks/lib/random.ts";

/** Which experts rows go to. */
export interface Routing {
  readonly expertCount: number;
  /** The expert of each row. */
  readonly chosen: Int32Array;
  /** Rows that there is room for in the bucket of the pass. */
  readonly most: number;
}

/** Different experts for each token: chosen evenly, the same ones for all, or mostly the first ones. */
export function randomRouting(
  seed: number,
  limits: { readonly experts: number; readonly tokens: number },
): Routing {
  const random = createRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const expertCount = 1 + below(limits.experts);
  const perToken = 1 + below(Math.min(8, expertCount));
  const tokens = 1 + below(limits.tokens);
  const skew = [1, 4, 1e9][below(3)]!;
  const chosen = Array.from({ length: tokens }, () => {
    const weights = Array.from({ length: expertCount }, (_, at) => ({ at, weight: random() / skew ** at }));
    return weights
      .toSorted((a, b) => b.weight - a.weight)
      .slice(0, perToken)
      .map(({ at }) => at);
  }).flat();
  return { expertCount, chosen: Int32Array.from(chosen), most: chosen.length + below(3) * perToken };
}

/** Experts that are all as likely. */
export function evenRouting({
  expertCount,
  perToken,
  tokens,
}: {
  readonly expertCount: number;
  readonly perToken: number;
  readonly tokens: number;
}): Routing {
  const random = createRandom(1);
  const experts = Array.from({ length: expertCount }, (_, at) => at);
  const chosen = Array.from({ length: tokens }, () =>
    experts
      .map((at) => ({ at, weight: random() }))
      .toSorted((a, b) => b.weight - a.weight)
      .slice(0, perToken)
      .map(({ at }) => at),
  ).flat();
  return { expertCount, chosen: Int32Array.from(chosen), most: chosen.length };
}

/** Tiles as `group_rows` makes them: those of each expert in turn. */
export function tilesOf(
  { expertCount, chosen }: Routing,
  size: number,
): { readonly expert: number; readonly rows: readonly number[] }[] {
  return Array.from({ length: expertCount }, (_, expert) => {
    const rows = [...chosen.keys()].filter((row) => chosen[row] === expert);
    return Array.from({ length: Math.ceil(rows.length / size) }, (__, at) => ({
      expert,
      rows: rows.slice(at * size, (at + 1) * size),
    }));
  }).flat();
}

/** The places of a tile of `size` rows. */
export const padded = (rows: readonly number[], size: number): number[] =>
  Array.from({ length: size }, (_, at) => rows[at] ?? -1);
