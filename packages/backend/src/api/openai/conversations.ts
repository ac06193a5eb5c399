import { z } from "zod";
import { describeBody } from "../shared/body/describe-body.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { bodyErrors, storageErrors, type ApiErrorCode } from "../shared/error-catalog.ts";
import { objectSchema, textSchema } from "../shared/json-schema.ts";
import { conversationSchema } from "./items/conversation-schema.ts";
import { lockConversation } from "./items/lock-conversation.ts";
import { newItemsField, toNewItems, type ConversationItem } from "./items/new-items.ts";
import { readRecord } from "./items/read-record.ts";
import { metadataField, type Metadata } from "./items/request-fields.ts";
import { requireStorage, nameStoredField } from "./items/storage-errors.ts";

const errors: readonly ApiErrorCode[] = [...storageErrors, "conversation_not_found"];

interface CreateBody {
  readonly items: readonly ConversationItem[] | undefined;
  readonly metadata: Metadata | undefined;
}

const createRules: BodyRules<CreateBody> = {
  schema: z.strictObject(
    { items: newItemsField(0).optional(), metadata: metadataField.optional() },
    { error: "an object" },
  ),
};

const createConversationCodec: AnswerCodec = {
  path: "/v1/conversations",
  description: {
    id: "createConversation",
    summary: "Creates a conversation, with items",
    link: "conversations",
    body: describeBody("ConversationRequest", createRules, () => ({
      items: [{ role: "user", content: "Tell me a story." }],
      metadata: { topic: "stories" },
    })),
    answer: conversationSchema,
    errors: [...bodyErrors, ...storageErrors],
  },
  async answer({ body }, context) {
    const { store } = requireStorage(context.storage);
    const { items = [], metadata = {} } = parseBody(body ?? {}, createRules);
    const id = `conv_${context.ids()}`;
    const createdAt = Math.floor(context.clock.epochMs() / 1000);
    const conversation = { id, object: "conversation", created_at: createdAt, metadata };
    const head = JSON.stringify(conversation);
    const { stored } = toNewItems(items, context.ids);
    try {
      await store.commit([
        { type: "add", record: { id, kind: "conversation", head, previousId: undefined } },
        { type: "append", id, list: "conversation", items: stored },
      ]);
    } catch (error) {
      throw nameStoredField(error, "items");
    }
    return conversation;
  },
};

const retrieveConversationCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/conversations/{conversation_id}",
  description: {
    id: "retrieveConversation",
    summary: "Retrieves a conversation",
    answer: conversationSchema,
    errors,
  },
  async answer({ path: { conversation_id: id = "" } }, context) {
    const { head } = await readRecord(requireStorage(context.storage), "conversation", id);
    return JSON.parse(head) as unknown;
  },
};

interface UpdateBody {
  readonly metadata: Metadata;
}

const updateRules: BodyRules<UpdateBody> = {
  schema: z.strictObject({ metadata: metadataField }, { error: "an object" }),
};

const updateConversationCodec: AnswerCodec = {
  path: "/v1/conversations/{conversation_id}",
  description: {
    id: "updateConversation",
    summary: "Replaces the metadata of a conversation",
    body: describeBody("ConversationUpdate", updateRules, () => ({ metadata: { topic: "stories" } })),
    answer: conversationSchema,
    errors: [...errors, ...bodyErrors],
  },
  async answer({ path: { conversation_id: id = "" }, body }, context) {
    const storage = requireStorage(context.storage);
    const { metadata } = parseBody(body ?? {}, updateRules);
    const { head } = await readRecord(storage, "conversation", id);
    const conversation = { ...(JSON.parse(head) as object), metadata };
    await storage.store.commit([{ type: "replace-head", id, head: JSON.stringify(conversation) }]);
    return conversation;
  },
};

const deleteConversationCodec: AnswerCodec = {
  method: "DELETE",
  path: "/v1/conversations/{conversation_id}",
  description: {
    id: "deleteConversation",
    summary: "Deletes a conversation and its items",
    answer: {
      name: "DeletedConversation",
      schema: objectSchema({
        id: textSchema,
        object: { const: "conversation.deleted" },
        deleted: { const: true },
      }),
    },
    errors: [...errors, "conversation_locked"],
  },
  async answer({ path: { conversation_id: id = "" } }, context) {
    const storage = requireStorage(context.storage);
    await readRecord(storage, "conversation", id);
    const unlock = lockConversation(storage, id);
    try {
      await storage.store.commit([{ type: "remove", id }]);
    } finally {
      unlock();
    }
    return { id, object: "conversation.deleted", deleted: true };
  },
};

/** The routes of conversations. */
export const conversationCodecs: readonly AnswerCodec[] = [
  createConversationCodec,
  retrieveConversationCodec,
  updateConversationCodec,
  deleteConversationCodec,
];
