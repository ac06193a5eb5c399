import { BackendError } from "../../errors.ts";
import type { EngineState, ModelService, ModelStatus, LocalModel, ModelStats } from "../model-service.ts";

/** The service of one engine, whichever process it runs in. */
export interface EngineClient extends ModelService {
  /** Of its model. */
  readonly id: string;
  readonly state: EngineState;
  /** Known once ready. */
  readonly model: LocalModel | undefined;
  /** The latest that the engine reported; `undefined` before it is ready. */
  stats(): ModelStats | undefined;
  /** Why it is not ready, for people; empty when ready. */
  reasons(): readonly string[];
}

/** The one model of an engine. */
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
