import type { ModelService, ServedModel } from "../../models/model-service.ts";
import { findModel } from "../shared/api-context.ts";

/** OpenAI's model object; `max_model_len` as other servers add it. */
export interface ModelObject {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
  /** Absent where a remote server does not tell it. */
  readonly max_model_len: number | undefined;
}

function toModelObject(model: ServedModel): ModelObject {
  return {
    id: model.id,
    object: "model",
    created: Math.floor(model.createdAt),
    owned_by: "infernode",
    max_model_len: model.contextTokens,
  };
}

/** Lists what is served: `GET /v1/models`. Empty while the model loads. */
export function listModels(service: ModelService): {
  readonly object: "list";
  readonly data: readonly ModelObject[];
} {
  const models = service.models().flatMap(({ model }) => (model === undefined ? [] : [toModelObject(model)]));
  return { object: "list", data: models };
}

/** Describes one model: `GET /v1/models/{id}`. @throws ApiError 404, 503 */
export function retrieveModel(service: ModelService, id: string): ModelObject {
  return toModelObject(findModel(service, id));
}
