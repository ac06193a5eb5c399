import type { EngineSettings, InfernodeConfig, ModelConfig } from "../../config/config.ts";
import { BackendError } from "../../errors.ts";
import type { EngineCoreOptions, SupervisorSetting } from "../engine/engine-core.ts";
import type { SharedModel } from "./share-gpus.ts";

/** The engine options of a model. */
export function engineOptionsOf(model: SharedModel): EngineCoreOptions {
  return supervisionOf(model).engine;
}

/** The supervisor options of a model: the supervisor's settings, and all others as engine options. */
export function supervisionOf({
  id,
  directory,
  chatTemplate,
  toolParser,
  reasoningParser,
  adapters,
  engine,
  gpuShare,
}: SharedModel): Pick<EngineSettings, SupervisorSetting> & { readonly engine: EngineCoreOptions } {
  const { startTimeoutMs, hangAfterMs, maxRestarts, ...settings } = engine;
  const model = { modelDirectory: directory, modelName: id, chatTemplatePath: chatTemplate };
  const options = { ...model, toolParser, reasoningParser, adapters, gpuShare, ...settings };
  return { startTimeoutMs, hangAfterMs, maxRestarts, engine: options };
}

/** The model of a command that needs exactly one. @throws BackendError `INVALID_CONFIG` */
export function onlyModel({ models }: Pick<InfernodeConfig, "models">): ModelConfig {
  const [only] = models;
  if (only !== undefined && models.length === 1) return only;
  const ids = models.map(({ id }) => id).join(", ");
  throw new BackendError(
    "INVALID_CONFIG",
    `expected one model, got ${models.length}: ${ids}; choose one with --model <id>`,
  );
}
