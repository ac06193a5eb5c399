import { InferenceError } from "../errors.ts";
import type { KvStorage } from "../executors/executor.ts";
import { createSlotCache } from "./create-slot-cache.ts";
import type { KvCache } from "./kv-cache.ts";

/** Creates the KV cache for an executor's storage. */
export function createKvCache(storage: KvStorage): KvCache {
  if (storage.layout === "slots") return createSlotCache(storage);
  throw new InferenceError("INVALID_ENGINE_OPTIONS", {
    expected: "storage in slots",
    got: "storage in pages",
  });
}
