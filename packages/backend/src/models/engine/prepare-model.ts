import {
  assertPlanFits,
  createCpuDevice,
  readAvailableMemory,
  type Device,
  type MemoryPlan,
  type AvailableMemory,
} from "@infernode/memory";
import { InferenceError } from "@infernode/inference";
import { loadModel, openAdapter, type LanguageModel, type LoadOptions } from "@infernode/models";
import type { WeightMode } from "../../weight-mode.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { hostBytesOf } from "../memory-budget.ts";
import type { EngineCoreOptions, ReserveMemory } from "./engine-core.ts";
import { chooseExecutors, type ChooseOptions, type ExecutorChoice } from "./choose-executor.ts";
import type { Gpu } from "../gpu/find-gpu.ts";
import { demandOf, planModel, type ModelPlan } from "./plan-model.ts";
import { quantizeModel, type QuantizableModel } from "./quantize-model.ts";

/** A plan, and the memory that it fits into. */
export interface PlannedMemory {
  readonly plan: MemoryPlan;
  readonly room: AvailableMemory;
}

/** A model that can be run: checked and planned, with no weight read yet. */
export interface PreparedModel extends ModelPlan {
  /** As it is planned: its weights are on disk after `writeWeights`. */
  readonly model: LanguageModel;
  /** As the checkpoint has it. */
  readonly stored: LanguageModel;
  /** What is to run it. */
  readonly choice: ExecutorChoice;
  readonly writeWeights: QuantizableModel<LanguageModel>["write"];
  readonly quantization: WeightMode;
  readonly device: Device;
  /** Of the host. */
  readonly memory: PlannedMemory;
  /** Of a GPU, where the executor has its memory there. */
  readonly gpuMemory: PlannedMemory | undefined;
}

/** How a model is prepared. Defaults in brackets. */
export interface PrepareOptions extends Pick<ChooseOptions, "verifyGpu" | "kept"> {
  /** Whether texts are encoded by the loaded model; `false` if a thread does it. [true] */
  readonly encodes?: LoadOptions["encodes"];
  /** [the free memory of the machine] */
  readonly reserveMemory?: ReserveMemory | undefined;
  /** The executors to try, in order. [those of the options] */
  readonly choices?: readonly ExecutorChoice[];
}

function limitMemory(memory: AvailableMemory, limitBytes: number = Number.MAX_SAFE_INTEGER): AvailableMemory {
  return { ...memory, availableBytes: Math.min(memory.availableBytes, limitBytes) };
}

/** The share of a GPU's memory that a model may use, or what is free if that is less. */
export function readGpuRoom(
  gpu: Gpu,
  { gpuMemoryUtilization = engineDefaults.gpuMemoryUtilization, gpuShare }: EngineCoreOptions,
): AvailableMemory {
  return readAvailableMemory(gpu, Math.floor(gpu.totalBytes * (gpuShare ?? gpuMemoryUtilization)));
}

/** Compares the adapters that are loaded with a model with it. @throws ModelError */
async function assertAdaptersFit(
  { config }: LanguageModel,
  { adapters = {}, maxAdapterRank: maxRank = engineDefaults.maxAdapterRank }: EngineCoreOptions,
): Promise<void> {
  for (const directory of Object.values(adapters)) {
    const adapter = await openAdapter(directory, { config, maxRank });
    await adapter.close();
  }
}

/**
 * Opens a model with every check that needs no memory for it: files, config, weights, tokenizer, chat template, the
 * executor's limits, and the memory plan. Everything that loads or describes a model calls this. The caller disposes
 * `model`.
 *
 * @throws ModelError, InferenceError, MemoryError
 */
export async function prepareModel(
  options: EngineCoreOptions,
  { encodes, reserveMemory, choices, verifyGpu, kept }: PrepareOptions = {},
): Promise<PreparedModel> {
  const { modelName, chatTemplatePath } = options;
  const stored = await loadModel(options.modelDirectory, {
    ...(encodes === undefined ? {} : { encodes }),
    ...(modelName === undefined ? {} : { name: modelName }),
    ...(chatTemplatePath === undefined ? {} : { chatTemplatePath }),
  });
  try {
    return await prepareFor(stored, {
      options,
      choices: choices ?? (await chooseExecutors(options, { verifyGpu, kept })),
      reserveMemory,
    });
  } catch (error) {
    await stored.dispose();
    throw error;
  }
}

interface Preparation {
  readonly options: EngineCoreOptions;
  readonly choices: readonly ExecutorChoice[];
  readonly reserveMemory: ReserveMemory | undefined;
}

/** Prepares for the first executor that can run the model. */
async function prepareFor(stored: LanguageModel, preparation: Preparation): Promise<PreparedModel> {
  const [choice, next, ...others] = preparation.choices;
  if (choice === undefined) throw new TypeError("expected an executor to try, got none");
  try {
    return await prepareWith(stored, choice, preparation);
  } catch (error) {
    if (next === undefined) throw withReason(error, choice);
    const refusal = error instanceof Error ? error.message : String(error);
    const choices = [{ ...next, reason: `${next.reason}: ${refusal}` }, ...others];
    return prepareFor(stored, { ...preparation, choices });
  }
}

/** Options that an executor refuses may be for the one that was not taken. */
function withReason(error: unknown, { planner, reason }: ExecutorChoice): unknown {
  if (!(error instanceof InferenceError) || error.code !== "INVALID_EXECUTOR_OPTIONS") return error;
  const message = `${error.message}; the executor is ${planner.name} (${reason})`;
  return new InferenceError(error.code, message, { cause: error });
}

/** The memory of an executor, on the device where it has it. */
function planOn(
  { name }: Pick<LanguageModel, "name">,
  { deviceId }: Pick<AvailableMemory, "deviceId">,
  { executorPlan }: Pick<ModelPlan, "executorPlan">,
): MemoryPlan {
  const { weightsBytes, kvCacheBytes, activationsBytes, workspaceBytes } = executorPlan;
  return {
    model: name,
    deviceId,
    bytes: {
      weights: weightsBytes,
      "kv-cache": kvCacheBytes,
      activations: activationsBytes,
      workspace: workspaceBytes,
    },
  };
}

async function prepareWith(
  stored: LanguageModel,
  choice: ExecutorChoice,
  { options, reserveMemory }: Preparation,
): Promise<PreparedModel> {
  const { planner, gpu } = choice;
  const { model, quantization, write: writeWeights } = await quantizeModel(stored, options, planner);
  await planner.assertSupported(model);
  await assertAdaptersFit(model, options);
  const gpuRoom = gpu === undefined ? undefined : readGpuRoom(gpu, options);
  const computeCapability = gpu?.description.computeCapability;
  const planning = { planner, deviceBytes: gpuRoom?.availableBytes, computeCapability };
  // What a model reserves stays as it is, so that one that does not fit there reserves what it needs elsewhere.
  if (gpuRoom !== undefined) {
    const unlimited = { ...planning, budgetBytes: Number.MAX_SAFE_INTEGER };
    assertPlanFits(planOn(model, gpuRoom, planModel(model, options, unlimited)), gpuRoom);
  }
  const device = createCpuDevice();
  const reserved = await reserveMemory?.(demandOf(model, options, planning));
  const room = limitMemory(reserved ?? readAvailableMemory(device), options.memoryLimitBytes);
  const planned = planModel(model, options, { ...planning, budgetBytes: room.availableBytes });
  const gpuMemory = gpuRoom && { plan: planOn(model, gpuRoom, planned), room: gpuRoom };
  const plan =
    gpuMemory === undefined
      ? planOn(model, room, planned)
      : {
          model: model.name,
          deviceId: room.deviceId,
          bytes: { workspace: hostBytesOf(planned.executorPlan) },
        };
  // Answers are also collected in the daemon's process; the engine's ledger does not measure them.
  assertPlanFits({ ...plan, bytes: { ...plan.bytes, answers: planned.answerMemoryBytes } }, room);
  return {
    ...planned,
    model,
    stored,
    choice,
    writeWeights,
    quantization,
    device,
    memory: { plan, room },
    gpuMemory,
  };
}
