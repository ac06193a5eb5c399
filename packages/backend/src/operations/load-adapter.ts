import type { AdapterRef } from "./adapter.ts";
import type { Operation } from "./operation.ts";

/** The only event. */
export interface AdapterEvent {
  readonly type: "loaded" | "retired";
}

/** Loads an adapter, so that requests need not wait for it. */
export const loadAdapter: Operation<AdapterRef, AdapterEvent> = {
  name: "load-adapter",
  runsBeforeSuspects: true,
  async *run({ adapters }, adapter) {
    const lease = await adapters.acquire(adapter);
    lease.release();
    yield { type: "loaded" };
  },
};
