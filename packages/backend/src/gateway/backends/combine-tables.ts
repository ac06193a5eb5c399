import { createTextPattern } from "../../text/text-pattern.ts";
import type { KnownBackend, LiveBackendTable } from "./backend-table.ts";
import { createListeners } from "./listeners.ts";

/** Weights by a pattern of backends' ids, in which `*` stands for any text; the first that fits counts. */
export type BackendWeights = Readonly<Record<string, number>>;

/**
 * Combines tables, and gives backends their weights. Of several backends with one id or one URL the first counts, so
 * that one that is both configured and registered is used once. The weights are read after each change of a table.
 */
export function combineTables(
  tables: readonly LiveBackendTable[],
  weights: () => BackendWeights,
): LiveBackendTable {
  const { subscribe, call } = createListeners();
  let current: readonly KnownBackend[] | undefined;
  const combine = (): readonly KnownBackend[] => {
    const patterns = Object.entries(weights()).map(([pattern, weight]) => ({
      matches: createTextPattern(pattern),
      weight,
    }));
    const seen = new Set<string>();
    return tables
      .flatMap((table) => table.list())
      .flatMap((known) => {
        const { id, url } = known.backend;
        if (seen.has(id) || seen.has(url.href)) return [];
        seen.add(id).add(url.href);
        const weight = patterns.find(({ matches }) => matches(id))?.weight;
        return weight === undefined ? [known] : [{ ...known, weight }];
      });
  };
  const unsubscribes = tables.map((table) =>
    table.subscribe(() => {
      current = undefined;
      call();
    }),
  );
  return {
    list: () => (current ??= combine()),
    subscribe,
    dispose() {
      for (const unsubscribe of unsubscribes) unsubscribe();
      for (const table of tables) table.dispose();
    },
  };
}
