import type { ModelService, ModelStatus, ServedModel } from "../../models/model-service.ts";
import { describeValue } from "../../text/describe-value.ts";
import { ApiError } from "./api-error.ts";
import { engineUnavailable } from "./to-api-error.ts";

function listIds(statuses: readonly ModelStatus[]): string {
  return statuses.map(({ id }) => describeValue(id)).join(", ");
}

/** All models. @throws ApiError 503 while a remote server has not listed any */
function knownModels(service: ModelService): readonly [ModelStatus, ...ModelStatus[]] {
  const [first, ...rest] = service.models();
  if (first === undefined) throw engineUnavailable("The server knows no model yet");
  return [first, ...rest];
}

/** Finds a model by its id or an alias, whatever its state. @throws ApiError 404 `model_not_found`, 503 */
export function findModelStatus(service: ModelService, name: string): ModelStatus {
  const statuses = knownModels(service);
  const found = statuses.find(({ id, aliases }) => id === name || aliases.includes(name));
  if (found !== undefined) return found;
  throw new ApiError(
    "model_not_found",
    `The model ${describeValue(name)} does not exist; this server has ${listIds(statuses)}`,
    { param: "model" },
  );
}

function onlyModel(service: ModelService): ModelStatus {
  const statuses = knownModels(service);
  const [first, ...others] = statuses.filter(({ adapter }) => adapter === undefined);
  if (first !== undefined && others.length === 0) return first;
  throw new ApiError(
    "missing_required_parameter",
    `Missing required parameter: expected \`model\` to be one of ${listIds(statuses)}, got nothing`,
    { param: "model" },
  );
}

/**
 * Finds the model of a request. A model that was ready once is found: its engine is asked, and may be restarting.
 * @param name its id or an alias; `undefined` for the only model
 * @throws ApiError 404 `model_not_found`, 400 where several models could be meant, 503 while it has not been ready
 */
export function findModel(service: ModelService, name: string | undefined): ServedModel {
  const { id, model, state, reasons } =
    name === undefined ? onlyModel(service) : findModelStatus(service, name);
  if (model !== undefined) return model;
  const why = reasons.length > 0 ? reasons.join("; ") : `it is ${state}`;
  throw engineUnavailable(`The model ${describeValue(id)} cannot answer now: ${why}`);
}
