import type { ExecutorMemoryPlan } from "@infernode/inference";
import { createCpuDevice, readAvailableMemory } from "@infernode/memory";
import { describeLoadedModel, inspectModel, openCheckpoint, type ModelInspection } from "@infernode/models";
import type { EngineCoreOptions } from "../models/engine/engine-core.ts";
import { toErrorRecord } from "../models/error-record.ts";
import { executorProvider } from "../models/engine/prepare-model.ts";
import { modelFailure } from "../models/engine/model-failure.ts";
import { planModel, prepareModel } from "../models/engine/prepare-model.ts";
import { createPromptPool } from "../models/prompts/prompt-pool.ts";
import {
  defaultPromptTimeoutMs,
  startModelPromptThread,
} from "../models/prompts/start-model-prompt-thread.ts";
import type { BackendError } from "../errors.ts";

/** A model's size and shape, and what it would take to run. */
export interface ModelDescription extends ModelInspection {
  /** In the sizes that it would be served with; `undefined` where it cannot have those that were asked for. */
  readonly memoryPlan: ExecutorMemoryPlan | undefined;
  /** Memory for answers on their way, beside the plan. */
  readonly answerMemoryBytes: number | undefined;
}

/** Whether a model would be served, and what is known of it either way. */
export interface ModelJudgement {
  /** `undefined` where config or weights cannot be read. */
  readonly model: ModelDescription | undefined;
  /** The error that `serve` would end with; `undefined` where it would run. */
  readonly failure: BackendError | undefined;
}

/** In a thread with a deadline, as in the engine: a tokenizer that never loads must not hold up who asks. */
async function assertPromptThreadStarts(options: EngineCoreOptions, directory: string): Promise<void> {
  const { chatTemplatePath, promptTimeoutMs = defaultPromptTimeoutMs } = options;
  const pool = createPromptPool({
    startThread: () => startModelPromptThread({ directory, chatTemplatePath }),
    timeoutMs: promptTimeoutMs,
  });
  try {
    await pool.ready;
  } finally {
    await pool.dispose();
  }
}

async function describeRunning(options: EngineCoreOptions): Promise<ModelDescription> {
  const { model, executorPlan, answerMemoryBytes } = await prepareModel(options, { encodes: false });
  try {
    await assertPromptThreadStarts(options, model.directory);
    await executorProvider.assertLoadable(model, { runtime: options.runtime });
    return { ...describeLoadedModel(model), memoryPlan: executorPlan, answerMemoryBytes };
  } finally {
    await model.dispose();
  }
}

async function planRefused(
  options: EngineCoreOptions,
  name: string,
): Promise<Pick<ModelDescription, "memoryPlan" | "answerMemoryBytes">> {
  const checkpoint = await openCheckpoint(options.modelDirectory);
  try {
    const room = readAvailableMemory(createCpuDevice(), options.memoryLimitBytes);
    const { executorPlan, answerMemoryBytes } = planModel(
      { ...checkpoint, name },
      options,
      room.availableBytes,
    );
    return { memoryPlan: executorPlan, answerMemoryBytes };
  } catch {
    return { memoryPlan: undefined, answerMemoryBytes: undefined };
  } finally {
    await checkpoint.weights.close();
  }
}

async function describeRefused(options: EngineCoreOptions): Promise<ModelDescription | undefined> {
  try {
    const { modelDirectory, chatTemplatePath } = options;
    const inspection = await inspectModel(modelDirectory, { chatTemplatePath, encodes: false });
    return { ...inspection, ...(await planRefused(options, inspection.name)) };
  } catch {
    return undefined;
  }
}

/**
 * Asks of a model what the engine asks before it serves one, in the same order, and describes it. The weights are
 * read when everything else is right, and not kept.
 */
export async function judgeModel(options: EngineCoreOptions): Promise<ModelJudgement> {
  try {
    return { model: await describeRunning(options), failure: undefined };
  } catch (error) {
    return { model: await describeRefused(options), failure: modelFailure(toErrorRecord(error)) };
  }
}
