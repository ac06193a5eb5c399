import type { KvStorage } from "../executors/executor.ts";
import { createPagedCache } from "./create-paged-cache.ts";
import { createSlotCache } from "./create-slot-cache.ts";
import type { KvCache } from "./kv-cache.ts";

/** Creates the KV cache over an executor's storage. */
export function createKvCache(storage: KvStorage): KvCache {
  return storage.layout === "slots" ? createSlotCache(storage) : createPagedCache(storage);
}
