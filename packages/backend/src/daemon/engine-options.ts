import type { EngineSettings, InfernodeConfig, ModelConfig } from "../config/config.ts";
import { BackendError } from "../errors.ts";
import { defaultHangAfterMs } from "../models/local/default-hang-after.ts";
import type { EngineCoreOptions, SupervisorSetting } from "../models/engine/engine-core.ts";

/** The engine that a model asks for: every setting that is not the supervisor's. */
export function engineOptionsOf({ id, directory, chatTemplate, engine }: ModelConfig): EngineCoreOptions {
  const { startTimeoutMs: _, hangAfterMs: __, maxRestarts: ___, ...settings } = engine;
  return { modelDirectory: directory, modelName: id, chatTemplatePath: chatTemplate, ...settings };
}

/** How the process of that engine is supervised. */
export function supervisionOf(model: ModelConfig): Required<Pick<EngineSettings, SupervisorSetting>> & {
  readonly engine: EngineCoreOptions;
  readonly hangAfterMs: number;
} {
  const { startTimeoutMs, hangAfterMs, maxRestarts, maxTokensPerStep } = model.engine;
  return {
    engine: engineOptionsOf(model),
    startTimeoutMs,
    hangAfterMs: hangAfterMs ?? defaultHangAfterMs(maxTokensPerStep),
    maxRestarts,
  };
}

/** The model of a command that works with one. @throws BackendError `INVALID_CONFIG` */
export function onlyModel({ models }: Pick<InfernodeConfig, "models">): ModelConfig {
  const [only] = models;
  if (only !== undefined && models.length === 1) return only;
  const ids = models.map(({ id }) => id).join(", ");
  throw new BackendError("INVALID_CONFIG", `expected one model, got ${models.length}: ${ids}`);
}
