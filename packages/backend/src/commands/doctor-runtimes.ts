import { createOnnxExecutor } from "@infernode/inference/onnx";
import { createHostMemoryPool } from "@infernode/memory";
import { embeddedModelDirectory, loadModel, type LanguageModel } from "@infernode/models";

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

/** Loads onnxruntime in each way and runs one step of the embedded model with it. */
export async function probeRuntimes(): Promise<readonly RuntimeProbe[]> {
  let model: LanguageModel;
  try {
    model = await loadModel(embeddedModelDirectory());
  } catch (error) {
    const description = `the embedded model cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return [{ path: "ffi", works: false, description }];
  }
  await using _ = model;
  return [await probe("ffi", model), await probe("binding", model)];
}
