import { callInline, createItemStore, type StoreClock } from "./create-item-store.ts";
import type { ItemStore, StoreLimits } from "./item-store.ts";
import { createMemoryCore } from "./memory-core.ts";

/** Creates a store that ends with the process. */
export function createMemoryStore(limits: StoreLimits, clock?: StoreClock): ItemStore {
  return createItemStore({ limits, calls: callInline(createMemoryCore(limits)), clock });
}
