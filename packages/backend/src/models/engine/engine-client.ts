import { BackendError } from "../../errors.ts";
import type { EngineState, ModelService, ModelStatus, LocalModel, ModelStats } from "../model-service.ts";

/** A service of one engine, in this process or another. */
export interface EngineClient extends ModelService {
  /** The id of its model. */
  readonly id: string;
  readonly state: EngineState;
  /** Known once ready. */
  readonly model: LocalModel | undefined;
  /** The latest that the engine reported; `undefined` before it is ready. */
  stats(): ModelStats | undefined;
  /** Why it is not ready, in plain text; empty when ready. */
  reasons(): readonly string[];
}

/** The status of an engine's model. */
export function statusOf(
  engine: Pick<EngineClient, "id" | "state" | "model" | "stats" | "reasons">,
): readonly [ModelStatus] {
  const { id, state, model } = engine;
  return [{ id, aliases: [], state, reasons: engine.reasons(), model, stats: engine.stats() }];
}

/** @throws BackendError `UNKNOWN_MODEL` */
export function assertServes({ id }: Pick<EngineClient, "id">, modelId: string): void {
  if (id === modelId) return;
  const message = `expected the model ${JSON.stringify(id)}, got ${JSON.stringify(modelId)}`;
  throw new BackendError("UNKNOWN_MODEL", message);
}
