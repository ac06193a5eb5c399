import { createHostMemoryPool } from "@infernode/memory";
import { embeddedModelDirectory, openCheckpoint, type Checkpoint } from "@infernode/models";
import type { EngineCoreOptions } from "../models/engine/engine-core.ts";
import { executorProvider } from "../models/engine/prepare-model.ts";
import { checkModel, type ModelDescription } from "./check-model.ts";

/** A model that the daemon could be started with. */
export interface ModelProbe {
  readonly origin: "embedded" | "configured";
  readonly directory: string;
  readonly wouldRun: boolean;
  /** Why `serve` would reject it, with the message of `serve`; empty if it would not. */
  readonly reasons: readonly string[];
  readonly model: ModelDescription | undefined;
}

async function probeModel(origin: ModelProbe["origin"], options: EngineCoreOptions): Promise<ModelProbe> {
  const { model, failure } = await checkModel(options);
  return {
    origin,
    directory: options.modelDirectory,
    wouldRun: failure === undefined,
    reasons: failure === undefined ? [] : [failure.message],
    model,
  };
}

/** Checks the configured model and, if it is another one, the bundled model. */
export async function probeModels(options: EngineCoreOptions): Promise<readonly ModelProbe[]> {
  const embedded = embeddedModelDirectory();
  if (options.modelDirectory === embedded) return [await probeModel("embedded", options)];
  const embeddedOptions = {
    ...options,
    modelDirectory: embedded,
    modelName: undefined,
    contextTokens: undefined,
    chatTemplatePath: undefined,
  };
  return [await probeModel("configured", options), await probeModel("embedded", embeddedOptions)];
}

/** The result of loading the executor's library in one way. */
export interface RuntimeProbe {
  /** For onnxruntime, `ffi` is its C API through koffi and `binding` is onnxruntime-node's binding. */
  readonly path: string;
  readonly works: boolean;
  /** Version, processor and threads; or why it does not work. */
  readonly description: string;
}

async function probeRuntime(path: string, checkpoint: Checkpoint): Promise<RuntimeProbe> {
  using memory = createHostMemoryPool();
  const model = { ...checkpoint, name: "probe" };
  try {
    const options = { model, memory, maxSequences: 1, contextTokens: 16, runtime: path };
    await using executor = await executorProvider.create(options);
    return { path, works: true, description: executor.description };
  } catch (error) {
    return { path, works: false, description: error instanceof Error ? error.message : String(error) };
  }
}

/** Loads the executor's library in each supported way and runs one step of the model. */
export async function probeRuntimes(modelDirectory: string): Promise<readonly RuntimeProbe[]> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint(modelDirectory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const description = `not tested, because no model could be opened: ${reason}`;
    return executorProvider.runtimes.slice(0, 1).map((path) => ({ path, works: false, description }));
  }
  try {
    const probes: RuntimeProbe[] = [];
    // Sequentially, because each needs the memory of a model.
    for (const path of executorProvider.runtimes) probes.push(await probeRuntime(path, checkpoint));
    return probes;
  } finally {
    await checkpoint.weights.close();
  }
}
