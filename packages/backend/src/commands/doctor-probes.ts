import { embeddedModelDirectory } from "@infernode/models";
import type { EngineCoreOptions } from "../models/engine/engine-core.ts";
import { judgeModel, type ModelDescription } from "./check-model.ts";

/** A model that the daemon could be started with. */
export interface ModelProbe {
  readonly origin: "embedded" | "configured";
  readonly directory: string;
  readonly wouldRun: boolean;
  /** Why it cannot be served, in the words of `serve`; empty when it can. */
  readonly reasons: readonly string[];
  readonly model: ModelDescription | undefined;
}

async function probe(origin: ModelProbe["origin"], options: EngineCoreOptions): Promise<ModelProbe> {
  const { model, failure } = await judgeModel(options);
  return {
    origin,
    directory: options.modelDirectory,
    wouldRun: failure === undefined,
    reasons: failure === undefined ? [] : [failure.message],
    model,
  };
}

/** Looks at the embedded model and, where it is another one, at the configured model. */
export async function probeModels(options: EngineCoreOptions): Promise<readonly ModelProbe[]> {
  const embedded = embeddedModelDirectory();
  if (options.modelDirectory === embedded) return [await probe("embedded", options)];
  const others = {
    ...options,
    modelDirectory: embedded,
    modelName: undefined,
    contextTokens: undefined,
    chatTemplatePath: undefined,
  };
  return [await probe("configured", options), await probe("embedded", others)];
}
