import { weightModes } from "../../weight-mode.ts";
import type { ModelStatus } from "../../models/model-service.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { modelErrors } from "../shared/error-catalog.ts";
import { findModelStatus } from "../shared/find-model.ts";
import {
  arraySchema,
  integerSchema,
  objectSchema,
  refSchema,
  textSchema,
  type NamedSchema,
} from "../shared/json-schema.ts";

/** OpenAI's model object; `max_model_len`, `root` and `parent` as vLLM adds them, and `quantization`, `state`, `aliases`, `reasons` of our own. */
export function toModelObject({ id, aliases, state, reasons, model, adapter }: ModelStatus): object {
  return {
    id,
    object: "model",
    created: Math.floor(model?.createdAt ?? 0),
    owned_by: "infernode",
    ...(adapter === undefined ? {} : { root: adapter.directory, parent: adapter.baseId }),
    ...(model?.contextTokens === undefined ? {} : { max_model_len: model.contextTokens }),
    ...(model?.quantization === undefined ? {} : { quantization: model.quantization }),
    state,
    aliases,
    ...(state === "ready" ? {} : { reasons }),
  };
}

const modelFields = {
  id: textSchema,
  object: { const: "model" },
  created: { ...integerSchema, description: "Seconds since 1970; 0 while the model has not been loaded." },
  owned_by: textSchema,
  root: { ...textSchema, description: "Of an adapter: its directory." },
  parent: { ...textSchema, description: "Of an adapter: the id of the model that it changes." },
  max_model_len: { ...integerSchema, description: "The context, in tokens, once it is known." },
  quantization: {
    enum: weightModes,
    description: "How the weights of a dense checkpoint are computed, once it is known.",
  },
  state: { enum: ["starting", "ready", "restarting", "draining", "stopped", "failed", "unavailable"] },
  aliases: { ...arraySchema(textSchema), description: "Other names that requests may use." },
  reasons: { ...arraySchema(textSchema), description: "Why it is not ready." },
};
const requiredFields = ["id", "object", "created", "owned_by", "state", "aliases"];
/** A model in answers. */
export const modelSchema: NamedSchema = { name: "Model", schema: objectSchema(modelFields, requiredFields) };

/** Lists all models, whatever their state. */
export const listModelsCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/models",
  description: {
    id: "listModels",
    summary: "Lists the models, also those that are loading",
    link: "models",
    answer: {
      name: "ModelList",
      schema: objectSchema({ object: { const: "list" }, data: arraySchema(refSchema(modelSchema.name)) }),
    },
    errors: [],
  },
  answer: async (_request, { service }) => ({ object: "list", data: service.models().map(toModelObject) }),
};

/** Describes one model, by its id or an alias. */
export const retrieveModelCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/models/{id}",
  mayHaveSlashes: true,
  description: {
    id: "retrieveModel",
    summary: "Describes one model, by its id or an alias",
    answer: modelSchema,
    errors: modelErrors,
  },
  answer: async ({ path: { id = "" } }, { service }) => toModelObject(findModelStatus(service, id)),
};
