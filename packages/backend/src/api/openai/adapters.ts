import { z } from "zod";
import { EngineRequestError } from "../../errors.ts";
import { firstEvent } from "../../operations/operation.ts";
import type { ModelStatus } from "../../models/model-service.ts";
import { loadAdapter } from "../../operations/load-adapter.ts";
import { retireAdapter } from "../../operations/retire-adapter.ts";
import { ApiError, invalidValue } from "../shared/api-error.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { textField, type FieldsOf } from "../shared/body/fields.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { bodyErrors, modelErrors, type ApiErrorCode } from "../shared/error-catalog.ts";
import { findModel, findModelStatus } from "../shared/find-model.ts";
import { objectSchema, textSchema } from "../shared/json-schema.ts";
import { toApiError } from "../shared/to-api-error.ts";
import { modelSchema, toModelObject } from "./models.ts";

interface LoadBody {
  readonly lora_name: string;
  readonly lora_path: string;
  readonly model: string | undefined;
}

interface UnloadBody {
  readonly lora_name: string;
}

const nameField = textField("The name that requests give as `model`.");
const loadFields: FieldsOf<LoadBody> = {
  lora_name: nameField,
  lora_path: textField("A directory of this server, as `peft` writes it."),
  model: textField("The model that it changes; may be left out where there is only one.").optional(),
};
const loadRules: BodyRules<LoadBody> = { schema: z.strictObject(loadFields, { error: "an object" }) };
const unloadFields: FieldsOf<UnloadBody> = { lora_name: nameField };
const unloadRules: BodyRules<UnloadBody> = { schema: z.strictObject(unloadFields, { error: "an object" }) };

const errors: readonly ApiErrorCode[] = [
  "adapter_updates_disabled",
  ...modelErrors,
  ...bodyErrors,
  "engine_crashed",
];

const longestName = 256;

function assertName(name: string, statuses: readonly ModelStatus[]): void {
  const isName = name.trim() === name && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name);
  if (!isName || name.length === 0 || name.length > longestName) {
    const expected = `a name of 1 to ${longestName} characters, without control characters and outer spaces`;
    throw invalidValue("lora_name", expected, { got: name });
  }
  if (statuses.some(({ id, aliases }) => id === name || aliases.includes(name))) {
    throw invalidValue("lora_name", "a name that no model has", { got: name });
  }
}

/** Codes of what is wrong with an adapter are many; all but those of the engine itself are about its files. */
function toAdapterError(error: unknown): unknown {
  if (!(error instanceof EngineRequestError)) return error;
  const { code, message } = error;
  if (code === "ADAPTER_UPDATES_DISABLED") {
    return new ApiError("adapter_updates_disabled", message, { cause: error });
  }
  const isOfEngine = ["ENGINE_UNAVAILABLE", "ENGINE_DRAINING", "ENGINE_DISPOSED", "QUEUE_FULL"].includes(
    code,
  );
  if (isOfEngine) return toApiError(error);
  if (code === "INVALID_REQUEST") return new ApiError("invalid_value", message, { param: "lora_name" });
  const options = { param: "lora_path", cause: error };
  return new ApiError("adapter_refused", `The adapter cannot be loaded: ${message} (${code})`, options);
}

/** Loads an adapter while serving, as vLLM does. */
export const loadAdapterCodec: AnswerCodec = {
  path: "/v1/load_lora_adapter",
  description: {
    id: "loadLoraAdapter",
    summary: "Loads a LoRA adapter, which is a model of its own then; off by default",
    body: describeBody("LoadLoraAdapterRequest", loadRules, () => ({
      lora_name: "sql",
      lora_path: "/adapters/sql",
    })),
    answer: modelSchema,
    errors: [...errors, "adapter_refused"],
  },
  async answer({ body }, { service }, signal) {
    const { lora_name: name, lora_path: directory, model } = parseBody(body, loadRules);
    assertName(name, service.models());
    const { id: modelId } = findModel(service, model);
    try {
      await firstEvent(service.call(loadAdapter, { name, directory, version: 0 }, { modelId, signal }));
    } catch (error) {
      signal.throwIfAborted();
      throw toAdapterError(error);
    }
    return toModelObject(findModelStatus(service, name));
  },
};

/** Unloads an adapter while serving, as vLLM does. Requests that run finish. */
export const unloadAdapterCodec: AnswerCodec = {
  path: "/v1/unload_lora_adapter",
  description: {
    id: "unloadLoraAdapter",
    summary: "Unloads a LoRA adapter; requests that run finish; off by default",
    body: describeBody("UnloadLoraAdapterRequest", unloadRules, () => ({ lora_name: "sql" })),
    answer: {
      name: "UnloadedLoraAdapter",
      schema: objectSchema({ id: textSchema, object: { const: "model" }, deleted: { const: true } }),
    },
    errors,
  },
  async answer({ body }, { service }, signal) {
    const { lora_name: name } = parseBody(body, unloadRules);
    const { adapter } = findModelStatus(service, name);
    if (adapter === undefined) throw invalidValue("lora_name", "the name of an adapter", { got: name });
    const given = { name, directory: adapter.directory, version: 0 };
    try {
      await firstEvent(service.call(retireAdapter, given, { modelId: name, signal }));
    } catch (error) {
      signal.throwIfAborted();
      throw toAdapterError(error);
    }
    return { id: name, object: "model", deleted: true };
  },
};
