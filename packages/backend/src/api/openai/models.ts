import type { ModelService, ServedModel } from "../../models/model-service.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { modelErrors } from "../shared/error-catalog.ts";
import { findModel } from "../shared/find-model.ts";
import {
  arraySchema,
  integerSchema,
  objectSchema,
  refSchema,
  textSchema,
  type NamedSchema,
} from "../shared/json-schema.ts";

/** OpenAI's model object; `max_model_len` as other servers add it. */
function toModelObject(model: ServedModel): object {
  return {
    id: model.id,
    object: "model",
    created: Math.floor(model.createdAt),
    owned_by: "infernode",
    max_model_len: model.contextTokens,
  };
}

const modelSchema: NamedSchema = {
  name: "Model",
  schema: objectSchema({
    id: textSchema,
    object: { const: "model" },
    created: integerSchema,
    owned_by: textSchema,
    max_model_len: integerSchema,
  }),
};

function loadedModels(service: ModelService): readonly ServedModel[] {
  return service.models().flatMap(({ model }) => (model === undefined ? [] : [model]));
}

/** Lists the models. Empty while the model loads. */
export const listModelsCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/models",
  description: {
    id: "listModels",
    summary: "Lists the models",
    link: "models",
    answer: {
      name: "ModelList",
      schema: objectSchema({ object: { const: "list" }, data: arraySchema(refSchema(modelSchema.name)) }),
    },
    errors: [],
  },
  answer: async (_input, { service }) => ({ object: "list", data: loadedModels(service).map(toModelObject) }),
};

/** Describes one model. */
export const retrieveModelCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/models/{id}",
  description: {
    id: "retrieveModel",
    summary: "Describes one model",
    answer: modelSchema,
    errors: modelErrors,
  },
  answer: async (input, { service }) => toModelObject(findModel(service, (input as { id: string }).id)),
};
