import { createHostMemoryPool } from "@infernode/memory";
import { openCheckpoint, type Checkpoint } from "@infernode/models";
import { executorProvider } from "../models/engine/prepare-model.ts";

/** One way to call the executor's library, tried. */
export interface RuntimeProbe {
  /** Of onnxruntime, `ffi` is its C API through koffi, `binding` onnxruntime-node's own. */
  readonly path: string;
  readonly works: boolean;
  /** Version, processor and threads; or why it does not work. */
  readonly description: string;
}

async function probe(path: string, checkpoint: Checkpoint): Promise<RuntimeProbe> {
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

/** Loads the executor's library in each way and runs one step of the model with it. */
export async function probeRuntimes(modelDirectory: string): Promise<readonly RuntimeProbe[]> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint(modelDirectory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const description = `not tried, for want of a model to try it with: ${reason}`;
    return executorProvider.runtimes.slice(0, 1).map((path) => ({ path, works: false, description }));
  }
  try {
    const probes: RuntimeProbe[] = [];
    // One after the other: each needs the memory of a model.
    for (const path of executorProvider.runtimes) probes.push(await probe(path, checkpoint));
    return probes;
  } finally {
    await checkpoint.weights.close();
  }
}
