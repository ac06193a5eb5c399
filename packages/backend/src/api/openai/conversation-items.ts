import { z } from "zod";
import { invalidValue } from "../shared/api-error.ts";
import { describeBody } from "../shared/body/describe-body.ts";
import { parseBody, type BodyRules } from "../shared/body/parse-body.ts";
import type { AnswerCodec } from "../shared/codec.ts";
import { bodyErrors, storageErrors, type ApiErrorCode } from "../shared/error-catalog.ts";
import { itemPageSchema, pageParameters, readItemPage } from "./items/item-page.ts";
import { itemObjectSchema } from "./items/item-schemas.ts";
import { conversationSchema } from "./items/conversation-schema.ts";
import { lockConversation } from "./items/lock-conversation.ts";
import { newItemsField, toNewItems, type ConversationItem } from "./items/new-items.ts";
import { maxPriorCharacters } from "./items/prior-items.ts";
import { readRecord } from "./items/read-record.ts";
import { itemMissing, requireStorage, nameStoredField } from "./items/storage-errors.ts";

const errors: readonly ApiErrorCode[] = [...storageErrors, "conversation_not_found"];

interface CreateBody {
  readonly items: readonly ConversationItem[];
}

const createRules: BodyRules<CreateBody> = {
  schema: z.strictObject({ items: newItemsField(1) }, { error: "an object" }),
};

const createItemsCodec: AnswerCodec = {
  path: "/v1/conversations/{conversation_id}/items",
  description: {
    id: "createConversationItems",
    summary: "Adds items to a conversation",
    body: describeBody("ConversationItemsRequest", createRules, () => ({
      items: [{ role: "user", content: "Tell me a story." }],
    })),
    answer: itemPageSchema,
    errors: [...errors, ...bodyErrors, "conversation_locked"],
  },
  async answer({ path: { conversation_id: id = "" }, body }, context) {
    const storage = requireStorage(context.storage);
    const { items } = parseBody(body ?? {}, createRules);
    await readRecord(storage, "conversation", id);
    const { objects, stored } = toNewItems(items, context.ids);
    const unlock = lockConversation(storage, id);
    try {
      const query = { recordId: id, ids: objects.map((item) => item.id), maxCharacters: maxPriorCharacters };
      const known = await storage.store.findItems(query);
      const index = known.findIndex((item) => item !== undefined);
      if (index >= 0) {
        throw invalidValue(`items[${index}].id`, "an id that the conversation does not have", {
          got: known[index]?.id,
        });
      }
      await storage.store.commit([{ type: "append", id, list: "conversation", items: stored }]);
    } catch (error) {
      throw nameStoredField(error, "items");
    } finally {
      unlock();
    }
    return {
      object: "list",
      data: objects,
      first_id: objects[0]?.id ?? null,
      last_id: objects.at(-1)?.id ?? null,
      has_more: false,
    };
  },
};

const listItemsCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/conversations/{conversation_id}/items",
  description: {
    id: "listConversationItems",
    summary: "Lists the items of a conversation",
    query: pageParameters,
    answer: itemPageSchema,
    errors: [...errors, "invalid_type", "invalid_value", "unknown_parameter"],
  },
  async answer({ path: { conversation_id: recordId = "" }, query }, context) {
    const storage = requireStorage(context.storage);
    await readRecord(storage, "conversation", recordId);
    return await readItemPage(storage, { recordId, list: "conversation" }, query);
  },
};

const retrieveItemCodec: AnswerCodec = {
  method: "GET",
  path: "/v1/conversations/{conversation_id}/items/{item_id}",
  description: {
    id: "retrieveConversationItem",
    summary: "Retrieves an item of a conversation",
    answer: { name: "Item", schema: itemObjectSchema },
    errors: [...errors, "item_not_found"],
  },
  async answer({ path: { conversation_id: recordId = "", item_id: itemId = "" } }, context) {
    const storage = requireStorage(context.storage);
    await readRecord(storage, "conversation", recordId);
    const query = { recordId, ids: [itemId], maxCharacters: Number.MAX_SAFE_INTEGER };
    const [item] = await storage.store.findItems(query);
    if (item === undefined) throw itemMissing(itemId);
    return JSON.parse(item.text) as unknown;
  },
};

const deleteItemCodec: AnswerCodec = {
  method: "DELETE",
  path: "/v1/conversations/{conversation_id}/items/{item_id}",
  description: {
    id: "deleteConversationItem",
    summary: "Deletes an item of a conversation",
    answer: conversationSchema,
    errors: [...errors, "item_not_found", "conversation_locked"],
  },
  async answer({ path: { conversation_id: id = "", item_id: itemId = "" } }, context) {
    const storage = requireStorage(context.storage);
    const { head } = await readRecord(storage, "conversation", id);
    const unlock = lockConversation(storage, id);
    try {
      const [item] = await storage.store.findItems({
        recordId: id,
        ids: [itemId],
        maxCharacters: Number.MAX_SAFE_INTEGER,
      });
      if (item === undefined) throw itemMissing(itemId);
      await storage.store.commit([{ type: "remove-item", id, itemId }]);
    } finally {
      unlock();
    }
    return JSON.parse(head) as unknown;
  },
};

/** The routes of the items of conversations. */
export const conversationItemCodecs: readonly AnswerCodec[] = [
  createItemsCodec,
  listItemsCodec,
  retrieveItemCodec,
  deleteItemCodec,
];
