import type { LiveBackendTable } from "./backend-table.ts";
import { createListeners } from "./listeners.ts";

/** A table whose source may be replaced. */
export interface ReplaceableTable extends LiveBackendTable {
  /** Disposes of the former source. */
  replace(source: LiveBackendTable): void;
}

/** Creates a table that has what its source has. */
export function createReplaceableTable(first: LiveBackendTable): ReplaceableTable {
  const { subscribe, call } = createListeners();
  let source = first;
  let unsubscribe = source.subscribe(call);
  const end = (): void => {
    unsubscribe();
    source.dispose();
  };
  return {
    list: () => source.list(),
    subscribe,
    replace(next) {
      end();
      source = next;
      unsubscribe = source.subscribe(call);
      call();
    },
    dispose: end,
  };
}
