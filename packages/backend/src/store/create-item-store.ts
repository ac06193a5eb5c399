import { BackendError } from "../errors.ts";
import type { ItemStore, StoreCounts, StoreLimits } from "./item-store.ts";
import type { CoreArgument, CoreMethod, CoreResult, StoreCore } from "./store-core.ts";
import { storeFailed } from "./store-errors.ts";

/** Calls the work of a store, wherever it is done. */
export interface CoreCalls {
  /** @throws BackendError */
  call<Method extends CoreMethod>(
    method: Method,
    argument: CoreArgument<Method>,
    nowMs: number,
  ): Promise<CoreResult<Method>>;
  /** After the last call. */
  counts(): StoreCounts;
  close(): Promise<void>;
}

export interface StoreClock {
  /** Milliseconds since 1970. */
  epochMs(): number;
}

export interface ItemStoreOptions {
  readonly limits: StoreLimits;
  readonly file?: string | undefined;
  readonly calls: CoreCalls;
  readonly clock?: StoreClock | undefined;
}

/** How often what was not used for too long is evicted, where nothing else happens. */
const expireIntervalMs = 60_000;

/** Calls a core in this thread. */
export function callInline(core: StoreCore): CoreCalls {
  return {
    call: async (method, argument, nowMs) => {
      const run = core[method] as (argument: unknown, nowMs: number) => unknown;
      return run(argument, nowMs) as CoreResult<typeof method>;
    },
    counts: () => core.counts(),
    close: async () => core.close(),
  };
}

/** Creates a store over its calls. */
export function createItemStore(options: ItemStoreOptions): ItemStore {
  const { limits, file, calls, clock = { epochMs: () => Date.now() } } = options;
  let failedWrites = 0;
  let lastFailure: string | undefined;
  let closeCall: Promise<void> | undefined;

  const call = async <Method extends CoreMethod>(
    method: Method,
    argument: CoreArgument<Method>,
  ): Promise<CoreResult<Method>> => {
    if (closeCall !== undefined) throw storeFailed("the store was closed");
    try {
      return await calls.call(method, argument, clock.epochMs());
    } catch (error) {
      throw error instanceof BackendError ? error : storeFailed(error);
    }
  };
  const timer = setInterval(() => {
    call("expire", undefined).catch(() => undefined);
  }, expireIntervalMs);
  timer.unref();
  const dispose = (): Promise<void> => {
    clearInterval(timer);
    closeCall ??= calls.close();
    return closeCall;
  };
  return {
    limits,
    file,
    stats: () => ({ ...calls.counts(), failedWrites, lastFailure }),
    commit: async (changes) => {
      try {
        await call("commit", changes);
        lastFailure = undefined;
      } catch (error) {
        if (error instanceof BackendError && error.code === "STORE_FAILED") {
          failedWrites += 1;
          lastFailure = error.message;
        }
        throw error;
      }
    },
    read: async (id) => call("read", id),
    page: async (query) => call("page", query),
    findItems: async (query) => call("findItems", query),
    wasEvicted: async (id) => call("wasEvicted", id),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
