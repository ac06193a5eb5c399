import { BackendError, type BackendErrorCode } from "../../errors.ts";
import { createWorkerCalls, type WorkerCalls } from "../../worker-calls.ts";
import { createItemStore, type StoreClock } from "../create-item-store.ts";
import type { ItemStore, StoreCounts, StoreLimits } from "../item-store.ts";
import type { CoreMethod, CoreResult } from "../store-core.ts";
import { storeFailed } from "../store-errors.ts";

/** What the thread is sent. */
export interface StoreQuestion {
  readonly method: CoreMethod | "open" | "close";
  readonly argument?: unknown;
  readonly nowMs: number;
}

/** What the thread answers. */
export type StoreAnswer =
  | { readonly value: unknown; readonly counts: StoreCounts }
  | { readonly code: BackendErrorCode | undefined; readonly message: string };

export interface FileStoreOptions {
  /** Absolute. */
  readonly file: string;
  readonly limits: StoreLimits;
  readonly clock?: StoreClock;
}

/** Calls that take longer fail: an answer does not wait for a disk that hangs. */
const callTimeoutMs = 10_000;

async function withTimeout<Value>(call: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `an answer of the disk within ${callTimeoutMs} ms, got none`;
    timer = setTimeout(() => reject(storeFailed(message)), callTimeoutMs);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Opens a store in a file, which a thread reads and writes. @throws BackendError `STORE_OPEN_FAILED` */
export async function createFileStore({ file, limits, clock }: FileStoreOptions): Promise<ItemStore> {
  const thread: WorkerCalls<StoreQuestion, StoreAnswer> = createWorkerCalls(
    new URL("./store-worker.js", import.meta.url),
    { file, limits },
  );
  let counts: StoreCounts = { responses: 0, conversations: 0, bytes: 0, evicted: 0 };
  const ask = async (question: StoreQuestion): Promise<unknown> => {
    const answer = await withTimeout(thread.call(question));
    if ("value" in answer) {
      counts = answer.counts;
      return answer.value;
    }
    if (answer.code === undefined) throw storeFailed(answer.message);
    throw new BackendError(answer.code, answer.message);
  };
  const end = async (): Promise<void> => thread.dispose(storeFailed("the store was closed"));
  try {
    await ask({ method: "open", nowMs: 0 });
  } catch (error) {
    await end();
    throw error;
  }
  return createItemStore({
    limits,
    file,
    clock,
    calls: {
      call: async (method, argument, nowMs) =>
        (await ask({ method, argument, nowMs })) as CoreResult<typeof method>,
      counts: () => counts,
      close: async () => {
        await ask({ method: "close", nowMs: 0 }).finally(end);
      },
    },
  });
}
