import { z } from "zod";
import { ApiError, invalidValue } from "../shared/api-error.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec, ApiContext } from "../shared/codec.ts";
import { storageErrors, type ApiErrorCode } from "../shared/error-catalog.ts";
import { objectSchema, textSchema } from "../shared/json-schema.ts";
import { includeField, itemPageSchema, pageParameters, readItemPage, readQuery } from "./items/item-page.ts";
import { readRecord } from "./items/read-record.ts";
import { requireStorage } from "./items/storage-errors.ts";
import { followHeld } from "./responses/follow-held.ts";
import { responseEventSchema, responseSchema } from "./responses/response-schemas.ts";

const errors: readonly ApiErrorCode[] = [...storageErrors, "response_not_found"];
const queryErrors: readonly ApiErrorCode[] = [
  ...errors,
  "invalid_type",
  "invalid_value",
  "unknown_parameter",
];

interface RetrieveQuery {
  readonly include: readonly string[] | undefined;
  readonly stream: "true" | "false" | undefined;
  readonly starting_after: number | undefined;
  readonly include_obfuscation: "false" | undefined;
}

const placeForm = "the sequence_number of an event";

const retrieveRules: BodyRules<RetrieveQuery> = {
  schema: z.strictObject(
    {
      include: includeField.optional(),
      stream: z.enum(["true", "false"], { error: "true or false" }).optional(),
      starting_after: z
        .string({ error: placeForm })
        .regex(/^\d{1,9}$/, { error: placeForm })
        .transform(Number)
        .optional(),
      include_obfuscation: z.literal("false", { error: "false: obfuscation is not supported" }).optional(),
    },
    { error: "an object" },
  ),
};

/** A response that is not held. @throws ApiError 404, 400 where the server stores nothing */
async function readResponse(context: ApiContext, id: string): Promise<object> {
  const storage = requireStorage(context.storage);
  const { head } = await readRecord(storage, "response", id);
  const page = await storage.store.page({ recordId: id, ...allOutput });
  const output = page?.items.map(({ text }) => JSON.parse(text) as unknown) ?? [];
  return { ...(JSON.parse(head) as object), output };
}

/** Of a response that is stored. */
const allOutput = {
  list: "output",
  order: "asc",
  limit: 10_000,
  maxCharacters: Number.MAX_SAFE_INTEGER,
} as const;

/** Answers a response as it is: while it is generated or held, or as it was stored; or the events that are held. */
export const retrieveResponseCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/responses/{response_id}",
  description: {
    id: "retrieveResponse",
    summary: "Retrieves a response that is generated in the background or stored, or its events",
    query: [
      { name: "include", schema: { type: "array", items: { const: "reasoning.encrypted_content" } } },
      { name: "stream", schema: { type: "boolean", description: "Answers with the events that are held." } },
      {
        name: "starting_after",
        schema: { type: "integer", minimum: 0, description: "The event after which the events begin." },
      },
    ],
    answer: responseSchema,
    chunk: responseEventSchema,
    errors: [...queryErrors, "events_not_held"],
  },
  async follow({ path: { response_id: id = "" }, query }, context) {
    const { stream, starting_after: afterId } = readQuery(query, retrieveRules);
    if (stream !== "true") {
      if (afterId === undefined) return undefined;
      throw invalidValue("starting_after", "nothing without stream=true", { got: afterId });
    }
    const held = context.held.find(id);
    if (held === undefined) {
      await readResponse(context, id);
      const message = `The events of the response ${id} are not held any more; retrieve it without stream=true`;
      throw new ApiError("events_not_held", message, { param: "stream" });
    }
    return {
      modelId: held.modelId,
      isStream: true,
      fieldNames: { prompt: "input" },
      start: async (signal) => followHeld(held, { afterId: afterId ?? -1, signal }),
    };
  },
  answer: async ({ path: { response_id: id = "" } }, context) =>
    context.held.find(id)?.snapshot() ?? readResponse(context, id),
};

async function removeRecord(context: ApiContext, id: string): Promise<void> {
  const storage = requireStorage(context.storage);
  await readRecord(storage, "response", id);
  await storage.store.commit([{ type: "remove", id }]);
}

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
    if (context.held.find(id)?.isRunning === true) {
      const message = "Cannot delete a response that is generated; cancel it first";
      throw new ApiError("invalid_value", message, { param: "response_id" });
    }
    const wasHeld = context.held.remove(id);
    if (!wasHeld || (await context.storage?.store.read(id)) !== undefined) await removeRecord(context, id);
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
    return await readItemPage(storage, { recordId, list: "input" }, query);
  },
};

const nothingRules: BodyRules<object> = { schema: z.strictObject({}, { error: "an object" }) };

/** Cancels a response that is held; one that has ended stays as it is. Others cannot be cancelled. */
export const cancelResponseCodec: AnswerCodec = {
  path: "/v1/responses/{response_id}/cancel",
  description: {
    id: "cancelResponse",
    summary: "Cancels a response that is generated in the background",
    answer: responseSchema,
    errors: [...errors, "invalid_json", "invalid_type", "invalid_value", "unknown_parameter"],
  },
  async answer({ path: { response_id: id = "" }, body }, context) {
    if (body !== undefined) parseBody(body, nothingRules);
    const held = context.held.find(id);
    if (held !== undefined) {
      await held.cancel("its client asked for it");
      return held.snapshot();
    }
    const storage = requireStorage(context.storage);
    await readRecord(storage, "response", id);
    throw new ApiError(
      "invalid_value",
      "Cannot cancel a response that is not generated in the background; close its connection to stop one",
      { param: "response_id" },
    );
  },
};
