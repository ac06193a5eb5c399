import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { openCheckpoint, type Checkpoint } from "@infernode/models";

/** One way into onnxruntime, tried. */
export interface RuntimeProbe {
  /** `ffi` is its C API through koffi, `binding` onnxruntime-node's own. */
  readonly path: "ffi" | "binding";
  readonly works: boolean;
  /** Version, processor and threads; or why it does not work. */
  readonly description: string;
}

async function probe(path: RuntimeProbe["path"], checkpoint: Checkpoint): Promise<RuntimeProbe> {
  using memory = createHostMemoryPool();
  const model = { ...checkpoint, name: "probe" };
  try {
    const options = { model, memory, maxSequences: 1, contextTokens: 16, runtime: path };
    await using executor = await createOnnxExecutor(options);
    return { path, works: true, description: executor.description };
  } catch (error) {
    return { path, works: false, description: error instanceof Error ? error.message : String(error) };
  }
}

/** Loads onnxruntime in each way and runs one step of the model with it. */
export async function probeRuntimes(modelDirectory: string): Promise<readonly RuntimeProbe[]> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint(modelDirectory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const description = `not tried, for want of a model to try it with: ${reason}`;
    return [{ path: "ffi", works: false, description }];
  }
  try {
    return [await probe("ffi", checkpoint), await probe("binding", checkpoint)];
  } finally {
    await checkpoint.weights.close();
  }
}
