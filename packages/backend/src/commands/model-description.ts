import type { ExecutorMemoryPlan } from "@infernode/inference";
import { planOnnxMemory } from "@infernode/inference/onnx";
import { inspectModel, openCheckpoint, type ModelInspection } from "@infernode/models";
import type { EngineSizes } from "../engine/fit-engine-sizes.ts";

/** A model's size and shape, and what it would take to run. */
export interface ModelDescription extends ModelInspection {
  readonly memoryPlan: ExecutorMemoryPlan;
}

/** Which model is described. */
export interface DescribedModel {
  readonly modelDirectory: string;
  readonly chatTemplatePath?: string | undefined;
}

/**
 * Describes a model directory under the sizes that it would be served with; reads no weights.
 * @param chooseSizes is told the checkpoint's context and how to plan
 * @throws ModelError; InferenceError for sizes that the model cannot have
 */
export async function describeModel(
  { modelDirectory, chatTemplatePath }: DescribedModel,
  chooseSizes: (contextTokens: number, planBytes: (sizes: EngineSizes) => number) => EngineSizes,
): Promise<ModelDescription> {
  const inspection = await inspectModel(modelDirectory, { chatTemplatePath });
  const checkpoint = await openCheckpoint(modelDirectory);
  try {
    const model = { ...checkpoint, name: inspection.name };
    const plan = (sizes: EngineSizes): ExecutorMemoryPlan => planOnnxMemory(model, sizes);
    const sizes = chooseSizes(inspection.contextTokens, (each) => plan(each).totalBytes);
    return { ...inspection, memoryPlan: plan(sizes) };
  } finally {
    await checkpoint.weights.close();
  }
}
