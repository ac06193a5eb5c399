import { createEngine, type InferenceEngine } from "@infernode/inference";
import { createOnnxExecutor } from "@infernode/inference/onnx";
import { loadModel } from "@infernode/models";
import { plainMemory } from "./plain-memory.ts";

type LoadedModel = Awaited<ReturnType<typeof loadModel>>;

/** An engine in this process, with its model. */
export interface OpenEngine extends AsyncDisposable {
  readonly model: LoadedModel;
  readonly engine: InferenceEngine;
}

/** Loads a model and starts an engine of 16 sequences. */
export async function openEngine(directory: string, threads?: number): Promise<OpenEngine> {
  const model = await loadModel(directory);
  const executor = await createOnnxExecutor({ model, memory: plainMemory, maxSequences: 16, threads });
  const engine = createEngine({
    executor,
    tokenizer: model.tokenizer,
    eosTokenIds: model.config.eosTokenIds,
    model: model.name,
    memory: plainMemory,
  });
  return {
    model,
    engine,
    async [Symbol.asyncDispose]() {
      for (const part of [engine, executor, model]) await part.dispose();
    },
  };
}
