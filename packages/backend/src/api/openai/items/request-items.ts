import type { StoredItem } from "../../../store/item-store.ts";
import { describeValue } from "../../../text/describe-value.ts";
import { ApiError } from "../../shared/api-error.ts";
import type { ApiContext } from "../../shared/codec.ts";
import { maxItems, type ConversationItem, type InputItem } from "./input-items.ts";
import { readStoredItem, toItemObject, type ItemObject } from "./item-objects.ts";
import { maxPriorCharacters, readChain, readConversation } from "./prior-items.ts";
import { requireStorage, nameStoredField } from "./storage-errors.ts";

/** What a request says of its conversation. */
export interface RequestBody {
  readonly input: string | readonly InputItem[] | undefined;
  readonly previous_response_id: string | undefined;
  readonly conversation: string | { readonly id: string } | undefined;
}

/** The conversation of a request. */
export interface RequestItems {
  /** All items that the model gets, in their order. */
  readonly all: readonly ConversationItem[];
  /** Those of the request itself, as they are stored. */
  readonly own: readonly ItemObject[];
}

/** The id of the conversation that a request belongs to. */
export function conversationIdOf({ conversation }: RequestBody): string | undefined {
  return typeof conversation === "object" ? conversation.id : conversation;
}

/** Checks how the fields depend on each other. @throws ApiError 400 */
export function assertConversation(body: RequestBody, { storage }: ApiContext): void {
  const { input, previous_response_id: previous, conversation } = body;
  if (previous !== undefined) requireStorage(storage, "previous_response_id");
  if (conversation !== undefined) requireStorage(storage, "conversation");
  if (previous !== undefined && conversation !== undefined) {
    throw new ApiError(
      "invalid_value",
      "Mutually exclusive parameters: expected `previous_response_id` or `conversation`, got both",
      { param: "previous_response_id" },
    );
  }
  if (input === undefined && previous === undefined && conversation === undefined) {
    throw new ApiError(
      "missing_required_parameter",
      "Missing required parameter: expected `input` to be a string or an array of items, got nothing",
      { param: "input" },
    );
  }
}

function toItems(input: RequestBody["input"] = []): readonly InputItem[] {
  return typeof input === "string" ? [{ role: "user", content: input }] : input;
}

async function readPrior(body: RequestBody, context: ApiContext): Promise<readonly StoredItem[]> {
  const conversationId = conversationIdOf(body);
  const { previous_response_id: previous } = body;
  if (previous !== undefined) return readChain(requireStorage(context.storage), previous);
  if (conversationId !== undefined) return readConversation(requireStorage(context.storage), conversationId);
  return [];
}

/** Finds the items that others refer to, by their ids. @throws ApiError 404 `item_not_found` */
async function resolveReferences(
  items: readonly InputItem[],
  { storage }: ApiContext,
): Promise<ReadonlyMap<string, StoredItem>> {
  const places = items.flatMap((item, index) =>
    item.type === "item_reference" ? [{ id: item.id, param: `input[${index}]` }] : [],
  );
  const [first] = places;
  if (first === undefined) return new Map();
  const ids = [...new Set(places.map(({ id }) => id))];
  const { store } = requireStorage(storage, first.param);
  const found = await store.findItems({ ids, maxCharacters: maxPriorCharacters });
  const byId = new Map(found.flatMap((item) => (item === undefined ? [] : [[item.id, item] as const])));
  const missing = places.find(({ id }) => !byId.has(id));
  if (missing === undefined) return byId;
  throw new ApiError(
    "item_not_found",
    `Item with id ${describeValue(missing.id)} not found: it was never stored here, was deleted, or was evicted. ` +
      "Items are not stored when `store` is false; send the item itself",
    { param: missing.param },
  );
}

/** An item that the conversation already has would be in the prompt twice. */
function assertNew(items: readonly InputItem[], priorIds: ReadonlySet<string>): void {
  const seen = new Set(priorIds);
  for (const [index, { id, type }] of items.entries()) {
    if (!id) continue;
    if (priorIds.has(id) || (type === "item_reference" && seen.has(id))) {
      throw new ApiError(
        "invalid_value",
        `Duplicate item: expected \`input[${index}]\` to be an item that is not in the conversation yet, got ` +
          `${describeValue(id)} again; leave it out`,
        { param: `input[${index}]` },
      );
    }
    if (type === "item_reference") seen.add(id);
  }
}

/** Reads the whole conversation that a request answers. @throws ApiError */
export async function readRequestItems(body: RequestBody, context: ApiContext): Promise<RequestItems> {
  const items = toItems(body.input);
  let prior: readonly StoredItem[];
  let referred: ReadonlyMap<string, StoredItem>;
  try {
    prior = await readPrior(body, context);
    assertNew(items, new Set(prior.map(({ id }) => id)));
    referred = await resolveReferences(items, context);
  } catch (error) {
    throw nameStoredField(error, "input");
  }
  const own = items.flatMap((item): readonly ConversationItem[] => {
    if (item.type !== "item_reference") return [item];
    const stored = referred.get(item.id);
    return stored === undefined ? [] : [readStoredItem(stored)];
  });
  const all = [...prior.map(readStoredItem), ...own];
  if (all.length > maxItems) {
    const message = `Expected a conversation of at most ${maxItems} items, got ${all.length}`;
    throw new ApiError("context_length_exceeded", message, { param: "input" });
  }
  return { all, own: own.map((item) => toItemObject(item, context.ids)) };
}
