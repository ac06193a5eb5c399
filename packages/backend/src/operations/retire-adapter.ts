import type { AdapterRef } from "./adapter.ts";
import type { AdapterEvent } from "./load-adapter.ts";
import type { Operation } from "./operation.ts";

/** Frees an adapter once the requests that use it have ended. */
export const retireAdapter: Operation<AdapterRef, AdapterEvent> = {
  name: "retire-adapter",
  runsBeforeSuspects: true,
  async *run({ adapters }, adapter) {
    adapters.retire(adapter);
    yield { type: "retired" };
  },
};
