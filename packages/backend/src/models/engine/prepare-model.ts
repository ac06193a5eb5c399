import type { ExecutorMemoryPlan, ExecutorModel, ExecutorProvider } from "@infernode/inference";
import {
  assertPlanFits,
  createCpuDevice,
  readAvailableMemory,
  type Device,
  type MemoryPlan,
  type AvailableMemory,
} from "@infernode/memory";
import { loadModel, openAdapter, type LanguageModel, type LoadOptions } from "@infernode/models";
import type { WeightMode } from "../../weight-mode.ts";
import { engineDefaults } from "../../config/engine-defaults.ts";
import { adapterRoom } from "../adapters/adapter-room.ts";
import { answerMemory } from "../answer-memory.ts";
import type { MemoryDemand } from "../divide-memory.ts";
import type { EngineCoreOptions, ReserveMemory } from "./engine-core.ts";
import { chooseExecutor } from "./choose-executor.ts";
import { fitEngineSizes, type EngineSizes } from "./fit-engine-sizes.ts";
import { quantizeModel, type QuantizableModel } from "./quantize-model.ts";

/** A model that can be run: checked and planned, with no weight read yet. */
export interface PreparedModel {
  /** As it is planned: its weights are on disk after `writeWeights`. */
  readonly model: LanguageModel;
  /** As the checkpoint has it. */
  readonly stored: LanguageModel;
  /** What is to run it. */
  readonly provider: ExecutorProvider;
  readonly writeWeights: QuantizableModel<LanguageModel>["write"];
  readonly quantization: WeightMode;
  readonly sizes: EngineSizes;
  readonly executorPlan: ExecutorMemoryPlan;
  /** Memory for answers that are being collected. */
  readonly answerMemoryBytes: number;
  readonly memoryPlan: MemoryPlan;
  readonly device: Device;
  readonly room: AvailableMemory;
}

/** How a model is prepared. Defaults in brackets. */
export interface PrepareOptions {
  /** Whether texts are encoded by the loaded model; `false` if a thread does it. [true] */
  readonly encodes?: LoadOptions["encodes"];
  /** [the free memory of the machine] */
  readonly reserveMemory?: ReserveMemory | undefined;
}

type SizeOptions = Pick<
  EngineCoreOptions,
  | "maxSequences"
  | "contextTokens"
  | "maxTokensPerStep"
  | "answerMemoryBytes"
  | "kvCacheDtype"
  | "executor"
  | "adapters"
  | "maxAdapters"
  | "maxAdapterRank"
  | "allowsAdapterUpdates"
>;

/** The longest chunk of a prompt in one step. */
export function chunkTokensOf(options: SizeOptions, sizes: EngineSizes): number {
  return Math.min(options.maxTokensPerStep, sizes.contextTokens);
}

function limitMemory(memory: AvailableMemory, limitBytes: number = Number.MAX_SAFE_INTEGER): AvailableMemory {
  return { ...memory, availableBytes: Math.min(memory.availableBytes, limitBytes) };
}

/** Chooses sizes within the budget and plans their memory. @throws InferenceError for sizes that the model cannot have */
export function planModel(
  model: ExecutorModel,
  options: SizeOptions,
  budgetBytes: number,
): Pick<PreparedModel, "sizes" | "executorPlan" | "answerMemoryBytes"> {
  const { kvCacheDtype = engineDefaults.kvCacheDtype, maxAdapterRank = engineDefaults.maxAdapterRank } =
    options;
  const { provider } = chooseExecutor(options.executor);
  const fixed = { kvCacheDtype, maxAdapters: adapterRoom(options), maxAdapterRank };
  const plan = (sizes: EngineSizes): ExecutorMemoryPlan =>
    provider.plan(model, { ...sizes, maxChunkTokens: chunkTokensOf(options, sizes), ...fixed });
  const fit = (bytesFor: (contextTokens: number) => number): EngineSizes =>
    fitEngineSizes({
      requested: { maxSequences: options.maxSequences, contextTokens: options.contextTokens },
      modelContextTokens: model.config.contextTokens,
      budgetBytes,
      planBytes: (each) => plan(each).totalBytes + bytesFor(each.contextTokens),
    });
  const { least, preferred } = answerMemory(options.answerMemoryBytes, budgetBytes);
  let sizes = fit(preferred);
  // If both do not fit, the model takes precedence.
  if (plan(sizes).totalBytes + preferred(sizes.contextTokens) > budgetBytes) sizes = fit(least);
  const executorPlan = plan(sizes);
  const { contextTokens } = sizes;
  const freeBytes = budgetBytes - executorPlan.totalBytes;
  const answerMemoryBytes = Math.max(least(contextTokens), Math.min(preferred(contextTokens), freeBytes));
  return { sizes, executorPlan, answerMemoryBytes };
}

/** The memory of a model at its smallest and at its largest sizes. */
function demandOf(model: ExecutorModel, options: EngineCoreOptions): MemoryDemand {
  const bytesWithin = (budgetBytes: number): number => {
    const { executorPlan, answerMemoryBytes } = planModel(model, options, budgetBytes);
    return executorPlan.totalBytes + answerMemoryBytes;
  };
  const limitBytes = options.memoryLimitBytes ?? Number.MAX_SAFE_INTEGER;
  return {
    minBytes: bytesWithin(0),
    maxBytes: Math.min(bytesWithin(Number.MAX_SAFE_INTEGER), limitBytes),
  };
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
  { encodes, reserveMemory }: PrepareOptions = {},
): Promise<PreparedModel> {
  const { modelName, chatTemplatePath } = options;
  const { provider } = chooseExecutor(options.executor);
  const stored = await loadModel(options.modelDirectory, {
    ...(encodes === undefined ? {} : { encodes }),
    ...(modelName === undefined ? {} : { name: modelName }),
    ...(chatTemplatePath === undefined ? {} : { chatTemplatePath }),
  });
  try {
    const { model, quantization, write: writeWeights } = await quantizeModel(stored, options, provider);
    await provider.assertSupported(model);
    await assertAdaptersFit(model, options);
    const device = createCpuDevice();
    const reserved = await reserveMemory?.(demandOf(model, options));
    const room = limitMemory(reserved ?? readAvailableMemory(device), options.memoryLimitBytes);
    const { sizes, executorPlan, answerMemoryBytes } = planModel(model, options, room.availableBytes);
    const { weightsBytes, kvCacheBytes, activationsBytes, workspaceBytes } = executorPlan;
    const memoryPlan: MemoryPlan = {
      model: model.name,
      deviceId: room.deviceId,
      bytes: {
        weights: weightsBytes,
        "kv-cache": kvCacheBytes,
        activations: activationsBytes,
        workspace: workspaceBytes,
      },
    };
    // Answers are also collected in the daemon's process; the engine's ledger does not measure them.
    assertPlanFits({ ...memoryPlan, bytes: { ...memoryPlan.bytes, answers: answerMemoryBytes } }, room);
    return {
      model,
      stored,
      provider,
      writeWeights,
      quantization,
      sizes,
      executorPlan,
      answerMemoryBytes,
      memoryPlan,
      device,
      room,
    };
  } catch (error) {
    await stored.dispose();
    throw error;
  }
}
