import { BackendError } from "../errors.ts";
import type { ModelService, ServedModel } from "../models/model-service.ts";
import { describeValue } from "../text/describe-value.ts";

/**
 * Finds a model of a service by its id or an alias. One that was ready once is found: its engine may be restarting.
 * @throws BackendError `UNKNOWN_MODEL`; `ENGINE_UNAVAILABLE` while it has not been ready
 */
export function servedModel(service: Pick<ModelService, "models">, name: string): ServedModel {
  const statuses = service.models();
  const found = statuses.find(({ id, aliases }) => id === name || aliases.includes(name));
  if (found === undefined) {
    const ids = statuses.map(({ id }) => describeValue(id)).join(", ");
    throw new BackendError("UNKNOWN_MODEL", `expected one of the models ${ids}, got ${describeValue(name)}`);
  }
  const { model, state, reasons } = found;
  if (model !== undefined) return model;
  const why = reasons.length > 0 ? reasons.join("; ") : `it is ${state}`;
  throw new BackendError("ENGINE_UNAVAILABLE", `the model ${describeValue(name)} cannot answer now: ${why}`);
}
