import type { ModelService, ServedModel } from "../../models/model-service.ts";
import { describeValue } from "../../text/describe-value.ts";
import { ApiError } from "./api-error.ts";
import { engineUnavailable } from "./to-api-error.ts";

/** The model of a request that names none. */
export function defaultModelId(service: ModelService): string {
  return service.models().find(({ model }) => model !== undefined)?.model?.id ?? "";
}

/**
 * Finds the model that a request names by its id or an alias.
 * @throws ApiError 404 `model_not_found`, 503 while it is not loaded
 */
export function findModel(service: ModelService, name: string): ServedModel {
  const statuses = service.models();
  const named = statuses.filter(({ id, aliases }) => id === name || aliases.includes(name));
  const [found] = named.flatMap(({ model }) => (model === undefined ? [] : [model]));
  if (found !== undefined) return found;
  const loaded = statuses.flatMap(({ model }) => (model === undefined ? [] : [model]));
  if (named.length > 0 || loaded.length === 0) {
    const missing = named.length > 0 ? named : statuses;
    const reasons = missing.flatMap((status) => status.reasons);
    throw engineUnavailable(
      reasons.length > 0 ? reasons.join("; ") : `the engine is ${missing[0]?.state ?? "not there"}`,
    );
  }
  const ids = loaded.map((model) => describeValue(model.id)).join(", ");
  throw new ApiError(
    "model_not_found",
    `The model ${describeValue(name)} does not exist; this server has ${ids}`,
    {
      param: "model",
    },
  );
}
