import { availableParallelism } from "node:os";
import type { ExecutorMemoryPlan } from "@infernode/inference";
import { createCpuDevice, readAvailableMemory } from "@infernode/memory";
import { describeLoadedModel, inspectModel, openCheckpoint, type ModelInspection } from "@infernode/models";
import type { WeightMode } from "../weight-mode.ts";
import { engineDefaults } from "../config/engine-defaults.ts";
import type { EngineCoreOptions, ReserveMemory } from "../models/engine/engine-core.ts";
import { modelFailure, toErrorRecord } from "../models/error-record.ts";
import {
  chooseExecutors,
  type ChooseOptions,
  type ExecutorChoice,
} from "../models/engine/choose-executor.ts";
import { defaultCacheDirectory } from "../models/cache/cache-directory.ts";
import { createGpuVerifier, type VerifyGpu } from "../models/gpu/gpu-verifier.ts";
import { planModel } from "../models/engine/plan-model.ts";
import { prepareModel, readGpuRoom } from "../models/engine/prepare-model.ts";
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
  /** What would run it, and why; `undefined` if what is asked for cannot be used. */
  readonly choice: ExecutorChoice | undefined;
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

/** What a check uses. Defaults in brackets. */
export interface CheckModelOptions {
  /** [the model may plan with all free memory] */
  readonly reserveMemory?: ReserveMemory | undefined;
  /** Says whether a GPU computes what it should. [checked in a process of its own] */
  readonly verifyGpu?: VerifyGpu | undefined;
}

async function describeServable(
  options: EngineCoreOptions,
  { reserveMemory, verifyGpu }: CheckModelOptions,
): Promise<Pick<ModelCheck, "choice" | "model">> {
  const prepared = await prepareModel(options, { encodes: false, reserveMemory, verifyGpu });
  const { model, stored, choice, executorPlan, answerMemoryBytes, quantization } = prepared;
  try {
    await assertPromptThreadStarts(options, stored.directory);
    const { runtime, productLibrary, productLibraryPath } = options;
    const loading = { runtime, productLibrary, productLibraryPath };
    await choice.planner.assertLoadable(model, { ...loading, stored });
    await stored.prepared?.verify({ threadCount: options.threads ?? availableParallelism() });
    const planned = { memoryPlan: executorPlan, answerMemoryBytes, quantization };
    return { choice, model: { ...describeLoadedModel(stored), ...planned } };
  } finally {
    await stored.dispose();
  }
}

async function planRejected(
  options: EngineCoreOptions,
  name: string,
  choosing: ChooseOptions,
): Promise<Pick<ModelDescription, "memoryPlan" | "answerMemoryBytes" | "quantization">> {
  const checkpoint = await openCheckpoint(options.modelDirectory);
  try {
    const room = readAvailableMemory(createCpuDevice(), options.memoryLimitBytes);
    const [{ planner, gpu }] = await chooseExecutors(options, choosing);
    const { model, quantization } = await quantizeModel({ ...checkpoint, name }, options, planner);
    const { executorPlan, answerMemoryBytes } = planModel(model, options, {
      planner,
      budgetBytes: room.availableBytes,
      deviceBytes: gpu && readGpuRoom(gpu, options).availableBytes,
      computeCapability: gpu?.description.computeCapability,
    });
    return { memoryPlan: executorPlan, answerMemoryBytes, quantization };
  } catch {
    return { memoryPlan: undefined, answerMemoryBytes: undefined, quantization: undefined };
  } finally {
    await checkpoint.weights.close();
  }
}

async function describeRejected(
  options: EngineCoreOptions,
  choosing: ChooseOptions,
): Promise<ModelDescription | undefined> {
  try {
    const { modelDirectory, chatTemplatePath } = options;
    const inspection = await inspectModel(modelDirectory, { chatTemplatePath, encodes: false });
    const { modelName: name = inspection.name } = options;
    return { ...inspection, name, ...(await planRejected(options, name, choosing)) };
  } catch {
    return undefined;
  }
}

async function firstChoice(
  options: EngineCoreOptions,
  choosing: ChooseOptions,
): Promise<ExecutorChoice | undefined> {
  try {
    return (await chooseExecutors(options, choosing))[0];
  } catch {
    return undefined;
  }
}

/**
 * Describes a model and runs the checks that the engine runs before it serves one, in the same order. If all other
 * checks pass, it reads the weights, without keeping them.
 */
export async function checkModel(
  options: EngineCoreOptions,
  checking: CheckModelOptions = {},
): Promise<ModelCheck> {
  const cacheDirectory = options.cacheDirectory ?? defaultCacheDirectory(process.env);
  // Several of the steps below choose an executor.
  using verifier = createGpuVerifier({ cacheDirectory });
  const { verifyGpu = verifier.verify } = checking;
  try {
    return { ...(await describeServable(options, { ...checking, verifyGpu })), failure: undefined };
  } catch (error) {
    const failure = modelFailure(toErrorRecord(error));
    const choosing = { verifyGpu };
    return {
      model: await describeRejected(options, choosing),
      choice: await firstChoice(options, choosing),
      failure,
    };
  }
}
