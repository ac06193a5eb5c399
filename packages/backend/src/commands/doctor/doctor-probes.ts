import type { ExecutorProvider } from "@infernode/inference";
import { createHostMemoryPool } from "@infernode/memory";
import { embeddedModelDirectory, modelNameOf, openCheckpoint, type Checkpoint } from "@infernode/models";
import type { EngineSettings, InfernodeConfig, ModelConfig } from "../../config/config.ts";
import { unifyDevices } from "../../models/local/unify-devices.ts";
import { engineOptionsOf } from "../../models/local/engine-options.ts";
import { shareGpus } from "../../models/local/share-gpus.ts";
import {
  chooseExecutors,
  loadProviders,
  openProvider,
  type ExecutorChoice,
} from "../../models/engine/choose-executor.ts";
import type { ReserveMemory } from "../../models/engine/engine-core.ts";
import type { VerifyGpu } from "../../models/gpu/gpu-verifier.ts";
import { createMemoryBudget, type MemoryShare } from "../../models/memory-budget.ts";
import { checkModel, type ModelDescription } from "../check-model.ts";
import { runOneStep } from "./run-one-step.ts";

/** A model that the daemon could be started with. */
export interface ModelProbe {
  readonly origin: "embedded" | "configured";
  /** The name in the API. */
  readonly id: string;
  readonly directory: string;
  /** Name of what would run it. */
  readonly executor: string;
  /** Where its memory is, such as `cpu` or `cuda:0`. */
  readonly device: string;
  readonly runtime: EngineSettings["runtime"];
  readonly wouldRun: boolean;
  /** Why `serve` would reject it, with the message of `serve`; empty if it would not. */
  readonly reasons: readonly string[];
  readonly model: ModelDescription | undefined;
}

const embedded = embeddedModelDirectory();

async function probeModel(
  model: ModelConfig,
  memory: MemoryShare,
  verifyGpu: VerifyGpu,
): Promise<ModelProbe> {
  const { id, directory } = model;
  const reserveMemory: ReserveMemory = (demand) => memory.reserve(demand);
  const check = await checkModel(engineOptionsOf(model), { reserveMemory, verifyGpu });
  if (check.failure !== undefined) memory.withdraw();
  return {
    origin: directory === embedded ? "embedded" : "configured",
    id,
    directory,
    executor: check.choice?.planner.name ?? model.engine.executor,
    device: check.choice?.gpu?.id ?? "cpu",
    runtime: model.engine.runtime,
    wouldRun: check.failure === undefined,
    reasons: check.failure === undefined ? [] : [check.failure.message],
    model: check.model,
  };
}

/** Checks the configured models, which share the memory as they would in `serve`. */
export async function probeModels(
  { models, engine }: Pick<InfernodeConfig, "models" | "engine">,
  verifyGpu: VerifyGpu,
): Promise<readonly ModelProbe[]> {
  const modelIds = models.map(({ id }) => id);
  const budget = createMemoryBudget({ modelIds, limitBytes: engine.memoryLimitBytes });
  return Promise.all(
    shareGpus(await unifyDevices(models)).map(async (model) =>
      probeModel(model, budget.share(model.id), verifyGpu),
    ),
  );
}

/** Checks the bundled model with the settings that hold for all models, except the context, which is another model's. */
export function probeBundledModel(
  config: Pick<InfernodeConfig, "engine">,
  verifyGpu: VerifyGpu,
): Promise<readonly ModelProbe[]> {
  const engine = { ...config.engine, contextTokens: undefined };
  const bundled = {
    id: modelNameOf(embedded),
    aliases: [],
    directory: embedded,
    chatTemplate: undefined,
    toolParser: "auto",
    reasoningParser: "auto",
    adapters: {},
    engine,
  };
  return probeModels({ models: [bundled], engine }, verifyGpu);
}

/** The result of loading an executor's library in one way. */
export interface RuntimeProbe {
  /** Name of the executor. */
  readonly executor: string;
  readonly library: string;
  /** For onnxruntime, `ffi` is its C API through koffi and `binding` is onnxruntime-node's binding. */
  readonly path: string;
  readonly works: boolean;
  /** Version, processor and threads; or why it does not work. */
  readonly description: string;
}

type ProbedRuntime = Pick<RuntimeProbe, "executor" | "library" | "path">;

function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function probeRuntime(
  provider: ExecutorProvider,
  path: string,
  checkpoint: Checkpoint,
): Promise<RuntimeProbe> {
  const probed: ProbedRuntime = { executor: provider.name, library: provider.library, path };
  using memory = createHostMemoryPool();
  const model = { ...checkpoint, name: "probe" };
  try {
    const options = { model, memory, maxSequences: 1, contextTokens: 16, runtime: path };
    await using executor = await provider.create(options);
    await runOneStep(executor);
    return { ...probed, works: true, description: executor.description };
  } catch (error) {
    return { ...probed, works: false, description: problemOf(error) };
  }
}

const cudaRuntime: ProbedRuntime = { executor: "cuda", library: "CUDA", path: "driver" };

/** Runs one step on the GPU, if the CUDA executor can use it. */
async function probeGpu(gpu: string, checkpoint: Checkpoint): Promise<RuntimeProbe> {
  let choice: ExecutorChoice;
  try {
    [choice] = await chooseExecutors({ executor: "cuda", device: gpu });
    using opened = await openProvider(choice, {});
    return await probeRuntime(opened.provider, cudaRuntime.path, checkpoint);
  } catch (error) {
    return { ...cudaRuntime, works: false, description: problemOf(error) };
  }
}

/** Loads the library of each executor in each supported way and runs one step of the model; on a GPU as on a processor. */
export async function probeRuntimes(
  modelDirectory: string,
  { device }: Pick<EngineSettings, "device">,
): Promise<readonly RuntimeProbe[]> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint(modelDirectory);
  } catch (error) {
    const description = `not tested, because no model could be opened: ${problemOf(error)}`;
    const ofProcessor = (await loadProviders()).map(({ name: executor, library, runtimes: [path = ""] }) => ({
      executor,
      library,
      path,
      works: false,
      description,
    }));
    return [...ofProcessor, { ...cudaRuntime, works: false, description }];
  }
  try {
    const probes: RuntimeProbe[] = [];
    // Sequentially, because each needs the memory of a model.
    for (const provider of await loadProviders()) {
      for (const path of provider.runtimes) probes.push(await probeRuntime(provider, path, checkpoint));
    }
    probes.push(await probeGpu(device, checkpoint));
    return probes;
  } finally {
    await checkpoint.weights.close();
  }
}
