import { workerData } from "node:worker_threads";
import { BackendError } from "../../errors.ts";
import { handleCalls } from "../../worker-calls.ts";
import type { StoreLimits } from "../item-store.ts";
import type { StoreCore } from "../store-core.ts";
import type { StoreAnswer, StoreQuestion } from "./create-file-store.ts";
import { createFileCore } from "./file-core.ts";
import { openDatabase } from "./open-database.ts";

// The entry of the thread that reads and writes the file of a store.
const { file, limits } = workerData as { readonly file: string; readonly limits: StoreLimits };
let opened: Promise<StoreCore> | undefined;

async function open(): Promise<StoreCore> {
  return createFileCore(await openDatabase(file), limits);
}

function run(core: StoreCore, { method, argument, nowMs }: StoreQuestion): unknown {
  if (method === "open") return undefined;
  if (method === "close") return core.close();
  const call = core[method] as (argument: unknown, nowMs: number) => unknown;
  return call(argument, nowMs);
}

handleCalls(async (question: StoreQuestion): Promise<StoreAnswer> => {
  try {
    // A thread that was started again may find the file locked or the disk full: the next call tries again.
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    const core = await opened;
    return { value: run(core, question), counts: core.counts() };
  } catch (error) {
    const code = error instanceof BackendError ? error.code : undefined;
    return { code, message: error instanceof Error ? error.message : String(error) };
  }
});
