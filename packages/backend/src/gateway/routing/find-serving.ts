import { ApiError } from "../../api/shared/api-error.ts";
import { describeValue } from "../../text/describe-value.ts";
import type { BackendModel, KnownBackend } from "../backends/backend-table.ts";
import { mergeModels } from "./merge-models.ts";

/** A backend, and its model that a request names; none where the request names none and has an owner. */
export interface Serving {
  readonly known: KnownBackend;
  readonly model: BackendModel | undefined;
}

function isNamed({ id, aliases }: BackendModel, name: string): boolean {
  return id === name || aliases.includes(name);
}

/** The only model of all, for a request that names none. @throws ApiError `missing_required_parameter` */
export function findOnlyModel(all: readonly KnownBackend[]): string {
  const models = mergeModels(all);
  if (models.length === 1 && models[0] !== undefined) return models[0].id;
  throw new ApiError("missing_required_parameter", "Missing required parameter: `model`", { param: "model" });
}

/** The backends that have a model, ready or not. @throws ApiError `model_not_found` */
export function findServing(all: readonly KnownBackend[], name: string | undefined): readonly Serving[] {
  if (name === undefined) return all.map((known) => ({ known, model: undefined }));
  const found = all.flatMap((known) => {
    const model = known.models.find((each) => isNamed(each, name));
    return model === undefined ? [] : [{ known, model }];
  });
  // While backends are unknown, so are their models.
  if (found.length > 0 || all.length === 0 || all.some(({ isHealthy }) => !isHealthy)) return found;
  const message = `The model does not exist: no backend serves ${describeValue(name)}`;
  throw new ApiError("model_not_found", message, { param: "model" });
}
