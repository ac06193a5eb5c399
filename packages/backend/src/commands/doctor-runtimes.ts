import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { loadModel, type LanguageModel } from "@infernode/models";

/** One way into onnxruntime, tried. */
export interface RuntimeProbe {
  /** `ffi` is its C API through koffi, `binding` onnxruntime-node's own. */
  readonly path: "ffi" | "binding";
  readonly works: boolean;
  /** Version, processor and threads; or why it does not work. */
  readonly description: string;
}

async function probe(path: RuntimeProbe["path"], model: LanguageModel): Promise<RuntimeProbe> {
  using memory = createHostMemoryPool();
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
  let model: LanguageModel;
  try {
    model = await loadModel(modelDirectory);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const description = `not tried, for want of a model to try it with: ${reason}`;
    return [{ path: "ffi", works: false, description }];
  }
  await using _ = model;
  return [await probe("ffi", model), await probe("binding", model)];
}
