import { availableParallelism } from "node:os";
import type { ExecutorMemoryPlan } from "@infernode/inference";
import { createCpuDevice, readAvailableMemory } from "@infernode/memory";
import { describeLoadedModel, inspectModel, openCheckpoint, type ModelInspection } from "@infernode/models";
import type { WeightMode } from "../weight-mode.ts";
import { engineDefaults } from "../config/engine-defaults.ts";
import type { EngineCoreOptions, ReserveMemory } from "../models/engine/engine-core.ts";
import { modelFailure, toErrorRecord } from "../models/error-record.ts";
import { chooseExecutor } from "../models/engine/choose-executor.ts";
import { planModel, prepareModel } from "../models/engine/prepare-model.ts";
import { quantizeModel } from "../models/engine/quantize-model.ts";
import { createPromptPool } from "../models/prompts/prompt-pool.ts";
import { startModelPromptThread } from "../models/prompts/start-model-prompt-thread.ts";
import type { BackendError } from "../errors.ts";

/** A model's size and shape, and the resources that it needs to run. */
export interface ModelDescription extends ModelInspection {
  /** For the sizes that `serve` would use; `undefined` if the configured sizes are not possible. */
  readonly memoryPlan: ExecutorMemoryPlan | undefined;
  /** Memory for answers that are being sent, in addition to the plan. */
  readonly answerMemoryBytes: number | undefined;
  /** How `serve` would compute the weights of a dense checkpoint. */
  readonly quantization: WeightMode | undefined;
}

/** Whether `serve` would run a model, and the model's description in either case. */
export interface ModelCheck {
  /** `undefined` if config or weights cannot be read. */
  readonly model: ModelDescription | undefined;
  /** The error that `serve` would exit with; `undefined` if the model would run. */
  readonly failure: BackendError | undefined;
}

/** Runs in a thread with a deadline, as in the engine: a tokenizer that never finishes loading must not block the caller. */
async function assertPromptThreadStarts(options: EngineCoreOptions, directory: string): Promise<void> {
  const { chatTemplatePath, promptTimeoutMs = engineDefaults.promptTimeoutMs } = options;
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

async function describeServable(
  options: EngineCoreOptions,
  reserveMemory: ReserveMemory | undefined,
): Promise<ModelDescription> {
  const prepared = await prepareModel(options, { encodes: false, reserveMemory });
  const { stored, provider, executorPlan, answerMemoryBytes, quantization } = prepared;
  try {
    await assertPromptThreadStarts(options, stored.directory);
    await provider.assertLoadable(stored, { runtime: options.runtime });
    await stored.prepared?.verify({ threadCount: options.threads ?? availableParallelism() });
    return { ...describeLoadedModel(stored), memoryPlan: executorPlan, answerMemoryBytes, quantization };
  } finally {
    await stored.dispose();
  }
}

async function planRejected(
  options: EngineCoreOptions,
  name: string,
): Promise<Pick<ModelDescription, "memoryPlan" | "answerMemoryBytes" | "quantization">> {
  const checkpoint = await openCheckpoint(options.modelDirectory);
  try {
    const room = readAvailableMemory(createCpuDevice(), options.memoryLimitBytes);
    const { provider } = chooseExecutor(options.executor);
    const { model, quantization } = await quantizeModel({ ...checkpoint, name }, options, provider);
    const { executorPlan, answerMemoryBytes } = planModel(model, options, room.availableBytes);
    return { memoryPlan: executorPlan, answerMemoryBytes, quantization };
  } catch {
    return { memoryPlan: undefined, answerMemoryBytes: undefined, quantization: undefined };
  } finally {
    await checkpoint.weights.close();
  }
}

async function describeRejected(options: EngineCoreOptions): Promise<ModelDescription | undefined> {
  try {
    const { modelDirectory, chatTemplatePath } = options;
    const inspection = await inspectModel(modelDirectory, { chatTemplatePath, encodes: false });
    const { modelName: name = inspection.name } = options;
    return { ...inspection, name, ...(await planRejected(options, name)) };
  } catch {
    return undefined;
  }
}

/**
 * Describes a model and runs the checks that the engine runs before it serves one, in the same order. If all other
 * checks pass, it reads the weights, without keeping them. Without `reserveMemory` the model may plan with all free memory.
 */
export async function checkModel(
  options: EngineCoreOptions,
  reserveMemory?: ReserveMemory,
): Promise<ModelCheck> {
  try {
    return { model: await describeServable(options, reserveMemory), failure: undefined };
  } catch (error) {
    return { model: await describeRejected(options), failure: modelFailure(toErrorRecord(error)) };
  }
}
