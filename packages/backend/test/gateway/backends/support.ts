import type { KnownBackend, LiveBackendTable } from "../../../src/gateway/backends/backend-table.ts";

/** Resolves with the list as soon as it is so. */
export async function untilListed(
  table: LiveBackendTable,
  isSo: (list: readonly KnownBackend[]) => boolean,
): Promise<readonly KnownBackend[]> {
  return new Promise((resolve) => {
    const look = (): void => {
      const list = table.list();
      if (!isSo(list)) return;
      unsubscribe();
      resolve(list);
    };
    const unsubscribe = table.subscribe(look);
    queueMicrotask(look);
  });
}
