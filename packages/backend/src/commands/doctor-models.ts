import { createCpuDevice } from "@infernode/memory";
import { embeddedModelDirectory } from "@infernode/models";
import type { EngineCoreOptions } from "../engine/engine-core.ts";
import { fitEngineSizes } from "../engine/fit-engine-sizes.ts";
import { toErrorRecord } from "../engine/error-record.ts";
import { describeModel, type ModelDescription } from "./model-description.ts";

/** A model that the daemon could be started with. */
export interface ModelProbe {
  readonly origin: "embedded" | "configured";
  readonly directory: string;
  readonly fits: boolean;
  /** Why it cannot be served; empty when it can. */
  readonly reasons: readonly string[];
  readonly model: ModelDescription | undefined;
}

async function probe(origin: ModelProbe["origin"], options: EngineCoreOptions): Promise<ModelProbe> {
  const { modelDirectory: directory } = options;
  const freeBytes = createCpuDevice().freeBytes();
  const budgetBytes = Math.min(options.memoryLimitBytes ?? freeBytes, freeBytes);
  try {
    const model = await describeModel(options, (modelContextTokens, planBytes) =>
      fitEngineSizes({
        wanted: { maxSequences: options.maxSequences, contextTokens: options.contextTokens },
        modelContextTokens,
        budgetBytes,
        planBytes,
      }),
    );
    const fits = model.memoryPlan.totalBytes <= budgetBytes;
    const numbers = `it needs ${model.memoryPlan.totalBytes} bytes, and ${budgetBytes} may be used`;
    return { origin, directory, fits, reasons: fits ? [] : [`the model does not fit: ${numbers}`], model };
  } catch (error) {
    const { code, message } = toErrorRecord(error);
    return { origin, directory, fits: false, reasons: [`${message} (${code})`], model: undefined };
  }
}

/** Looks at the embedded model and, where it is another one, at the configured model. */
export async function probeModels(options: EngineCoreOptions): Promise<readonly ModelProbe[]> {
  const embedded = embeddedModelDirectory();
  if (options.modelDirectory === embedded) return [await probe("embedded", options)];
  const others = {
    ...options,
    modelDirectory: embedded,
    contextTokens: undefined,
    chatTemplatePath: undefined,
  };
  return [await probe("configured", options), await probe("embedded", others)];
}
