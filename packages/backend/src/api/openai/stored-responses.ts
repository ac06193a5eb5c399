import { z } from "zod";
import { ApiError } from "../shared/api-error.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { storageErrors, type ApiErrorCode } from "../shared/error-catalog.ts";
import { objectSchema, textSchema } from "../shared/json-schema.ts";
import { includeField, itemPageSchema, pageParameters, readItemPage, readQuery } from "./items/item-page.ts";
import { readRecord } from "./items/read-record.ts";
import { requireStorage, toStorageError } from "./items/storage-errors.ts";
import { responseSchema } from "./responses/response-schemas.ts";

const errors: readonly ApiErrorCode[] = [...storageErrors, "response_not_found"];
const queryErrors: readonly ApiErrorCode[] = [
  ...errors,
  "invalid_type",
  "invalid_value",
  "unknown_parameter",
];

interface RetrieveQuery {
  readonly include: readonly string[] | undefined;
  readonly stream: "false" | undefined;
}

const retrieveRules: BodyRules<RetrieveQuery> = {
  schema: z.strictObject(
    {
      include: includeField.optional(),
      stream: z.literal("false", { error: "false: responses are not streamed again" }).optional(),
    },
    { error: "an object" },
  ),
};

/** Of a response that is stored. */
const allOutput = {
  list: "output",
  order: "asc",
  limit: 10_000,
  maxCharacters: Number.MAX_SAFE_INTEGER,
} as const;

/** Answers a response as it was answered when it was created. */
export const retrieveResponseCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/responses/{response_id}",
  description: {
    id: "retrieveResponse",
    summary: "Retrieves a stored response",
    query: [{ name: "include", schema: { type: "array", items: { const: "reasoning.encrypted_content" } } }],
    answer: responseSchema,
    errors: queryErrors,
  },
  async answer({ path: { response_id: id = "" }, query }, context) {
    const storage = requireStorage(context.storage);
    readQuery(query, retrieveRules);
    const { head } = await readRecord(storage, "response", id);
    const page = await storage.store.page({ recordId: id, ...allOutput }).catch((error: unknown) => {
      throw toStorageError(error);
    });
    const output = page?.items.map(({ text }) => JSON.parse(text) as unknown) ?? [];
    return { ...(JSON.parse(head) as object), output };
  },
};

/** Deletes a response; those that continue it cannot be continued any more. */
export const deleteResponseCodec: AnswerCodec = {
  method: "DELETE",
  path: "/v1/responses/{response_id}",
  description: {
    id: "deleteResponse",
    summary: "Deletes a stored response",
    answer: {
      name: "DeletedResponse",
      schema: objectSchema({ id: textSchema, object: { const: "response" }, deleted: { const: true } }),
    },
    errors,
  },
  async answer({ path: { response_id: id = "" } }, context) {
    const storage = requireStorage(context.storage);
    await readRecord(storage, "response", id);
    try {
      await storage.store.commit([{ type: "remove", id }]);
    } catch (error) {
      throw toStorageError(error);
    }
    return { id, object: "response", deleted: true };
  },
};

/** Lists the input of a response. */
export const listInputItemsCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/responses/{response_id}/input_items",
  description: {
    id: "listInputItems",
    summary: "Lists the input items of a stored response",
    query: pageParameters,
    answer: itemPageSchema,
    errors: queryErrors,
  },
  async answer({ path: { response_id: recordId = "" }, query }, context) {
    const storage = requireStorage(context.storage);
    await readRecord(storage, "response", recordId);
    try {
      return await readItemPage(storage, { recordId, list: "input" }, query);
    } catch (error) {
      throw toStorageError(error);
    }
  },
};

const nothingRules: BodyRules<object> = { schema: z.strictObject({}, { error: "an object" }) };

/** Refuses to cancel: a response that is stored has ended. */
export const cancelResponseCodec: AnswerCodec = {
  path: "/v1/responses/{response_id}/cancel",
  description: {
    id: "cancelResponse",
    summary: "Cancels a response that is generated in the background",
    answer: responseSchema,
    errors: [...errors, "invalid_json", "invalid_type", "invalid_value", "unknown_parameter"],
  },
  async answer({ path: { response_id: id = "" }, body }, context) {
    const storage = requireStorage(context.storage);
    if (body !== undefined) parseBody(body, nothingRules);
    await readRecord(storage, "response", id);
    throw new ApiError(
      "invalid_value",
      "Cannot cancel a response that is not generated in the background; close its connection to stop one",
      { param: "response_id" },
    );
  },
};
