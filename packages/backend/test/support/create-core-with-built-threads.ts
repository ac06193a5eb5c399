import { createEngineCore } from "../../src/models/engine/create-engine-core.ts";
import type { CreateEngineCore } from "../../src/models/engine/engine-core.ts";
import {
  startConstraintThread,
  type ConstraintThread,
} from "../../src/models/constraints/constraint-thread.ts";
import { startPromptThread, type PromptThread } from "../../src/models/prompts/prompt-thread.ts";

/** A thread runs JavaScript: these tests run on the sources, and take the thread's file from the build. */
const promptWorkerEntry: URL = new URL("../../dist/models/prompts/prompt-worker.js", import.meta.url);

/** Starts a thread of the build for a model's directory. */
export function startBuiltThread(directory: string, memoryMib = 1024): PromptThread {
  return startPromptThread({
    source: { directory },
    entry: promptWorkerEntry,
    loadTimeoutMs: 60_000,
    memoryMib,
  });
}

/** Starts a thread of the build for constraints. */
export function startBuiltConstraintThread(): ConstraintThread {
  return startConstraintThread(
    new URL("../../dist/models/constraints/constraint-worker.js", import.meta.url),
  );
}

/** The core of the sources, with threads of the build. */
export const createCoreWithBuiltThreads: CreateEngineCore = (options, dependencies) =>
  createEngineCore(options, {
    ...dependencies,
    startPromptThread: ({ directory }) => startBuiltThread(directory),
    startConstraintThread: startBuiltConstraintThread,
  });
