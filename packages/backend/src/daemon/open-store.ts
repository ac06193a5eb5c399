import type { StoreSettings } from "../config/config.ts";
import { createMemoryStore } from "../store/create-memory-store.ts";
import type { ItemStore, StoreLimits } from "../store/item-store.ts";

const defaultMemoryBytes = 64 * 2 ** 20;
const defaultFileBytes = 2 ** 30;
const hourMs = 3_600_000;

/** What the store of a configuration keeps at most. */
function storeLimitsOf({ file, maxBytes, retentionHours }: StoreSettings): StoreLimits {
  const defaultBytes = file === undefined ? defaultMemoryBytes : defaultFileBytes;
  return { maxBytes: maxBytes ?? defaultBytes, retentionMs: retentionHours * hourMs };
}

/** Opens the store that is configured; `undefined` if nothing is to be kept. @throws BackendError `STORE_OPEN_FAILED` */
export async function openStore(settings: StoreSettings): Promise<ItemStore | undefined> {
  const limits = storeLimitsOf(settings);
  if (limits.maxBytes === 0) return undefined;
  if (settings.file === undefined) return createMemoryStore(limits);
  const { createFileStore } = await import("../store/file/create-file-store.ts");
  return createFileStore({ file: settings.file, limits });
}
