import type { ModelService, ServedModel } from "../../models/model-service.ts";
import { describeValue } from "../../text/describe-value.ts";
import { ApiError } from "./api-error.ts";
import { engineUnavailable } from "./to-api-error.ts";

/** The model of a request that names none. */
export function defaultModelId(service: ModelService): string {
  return service.models().find(({ model }) => model !== undefined)?.model?.id ?? "";
}

/** Finds the model that a request names. @throws ApiError 404 `model_not_found`, 503 while none is loaded */
export function findModel(service: ModelService, id: string): ServedModel {
  const statuses = service.models();
  const loaded = statuses.flatMap(({ model }) => (model === undefined ? [] : [model]));
  const found = loaded.find((model) => model.id === id);
  if (found !== undefined) return found;
  if (loaded.length === 0) {
    const reasons = statuses.flatMap((status) => status.reasons);
    throw engineUnavailable(
      reasons.length > 0 ? reasons.join("; ") : `the engine is ${statuses[0]?.state ?? "not there"}`,
    );
  }
  const ids = loaded.map((model) => describeValue(model.id)).join(", ");
  throw new ApiError(
    "model_not_found",
    `The model ${describeValue(id)} does not exist; this server has ${ids}`,
    {
      param: "model",
    },
  );
}
