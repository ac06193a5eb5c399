import type { z } from "zod";
import type { StoredItem } from "../../../store/item-store.ts";
import { invalidValue } from "../../shared/api-error.ts";
import { arrayField } from "../../shared/body/fields.ts";
import { conversationItemField, type ConversationItem } from "./input-items.ts";
import { toItemObject, toStoredItems, type ItemObject } from "./item-objects.ts";

export type { ConversationItem } from "./input-items.ts";

/** As in OpenAI's API. */
const maxNewItems = 20;

/** Items that are added to a conversation. */
export function newItemsField(min: number): z.ZodType<readonly ConversationItem[]> {
  return arrayField(conversationItemField, { min, max: maxNewItems, of: "items" }).describe(
    "Items at the end of the conversation.",
  );
}

/** Makes objects of the items that are added to a conversation. @throws ApiError 400 for ids that occur twice */
export function toNewItems(
  items: readonly ConversationItem[],
  ids: () => string,
): { readonly objects: readonly ItemObject[]; readonly stored: readonly StoredItem[] } {
  const objects = items.map((item) => toItemObject(item, ids));
  const known = new Set<string>();
  for (const [index, { id }] of objects.entries()) {
    if (known.has(id)) {
      throw invalidValue(`items[${index}].id`, "an id of its own for each item", { got: id });
    }
    known.add(id);
  }
  return { objects, stored: toStoredItems(objects) };
}
