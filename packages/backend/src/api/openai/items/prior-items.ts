import type { StoredItem, StoredPage } from "../../../store/item-store.ts";
import { ApiError, invalidValue } from "../../shared/api-error.ts";
import type { Storage } from "../../shared/codec.ts";
import { maxItems } from "./input-items.ts";
import { notStored } from "./storage-errors.ts";

/** Of all items before the input of a request. */
export const maxPriorCharacters: number = 8 * 2 ** 20;

function tooLong(param: string): ApiError {
  return new ApiError(
    "context_length_exceeded",
    `The conversation before the input is too long: expected at most ${maxItems} items and ${maxPriorCharacters} ` +
      "characters; the model's maximum context length is shorter. Start a new conversation.",
    { param },
  );
}

/** Counts what is read, and refuses what is too much. */
function createCounter(param: string) {
  let items = 0;
  let characters = 0;
  return {
    room: () => ({ limit: maxItems - items + 1, maxCharacters: maxPriorCharacters - characters }),
    add(page: StoredPage): readonly StoredItem[] {
      items += page.items.length;
      characters += page.items.reduce((sum, { text }) => sum + text.length, 0);
      if (page.hasMore || items > maxItems || characters > maxPriorCharacters) throw tooLong(param);
      return page.items;
    },
  };
}

const nothing: StoredPage = { items: [], hasMore: false };
const previousParam = "previous_response_id";

/** What is known of a response that another one continues. */
interface PreviousHead {
  readonly status: string;
  readonly conversation: object | null;
}

function assertCanContinue(id: string, head: PreviousHead): void {
  if (head.status !== "completed" && head.status !== "incomplete") {
    throw invalidValue(previousParam, "a response that is completed", {
      got: `${id}, which is ${head.status}`,
    });
  }
  if (head.conversation !== null) {
    const expected = "a response without a conversation; send `conversation` to continue one";
    throw invalidValue(previousParam, expected, { got: id });
  }
}

/** Reads the items of a response and of all that came before it. @throws ApiError 400 */
export async function readChain(storage: Storage, previousId: string): Promise<readonly StoredItem[]> {
  const { store } = storage;
  const counter = createCounter(previousParam);
  const turns: (readonly StoredItem[])[] = [];
  let id: string | undefined = previousId;
  while (id !== undefined) {
    const record = await store.read(id);
    if (record?.kind !== "response") {
      const what = id === previousId ? "Previous response" : `A response before ${previousId},`;
      throw await notStored(storage, "previous_response_not_found", { id, what, param: previousParam });
    }
    assertCanContinue(id, JSON.parse(record.head) as PreviousHead);
    if (turns.length === maxItems) throw tooLong(previousParam);
    const page = await store.page({ recordId: id, order: "asc", ...counter.room() });
    turns.unshift(counter.add(page ?? nothing));
    id = record.previousId;
  }
  return turns.flat();
}

/** Reads the items of a conversation. @throws ApiError 404, 400 */
export async function readConversation(storage: Storage, id: string): Promise<readonly StoredItem[]> {
  const { store } = storage;
  const counter = createCounter("conversation");
  if ((await store.read(id))?.kind !== "conversation") {
    throw await notStored(storage, "conversation_not_found", {
      id,
      what: "Conversation",
      param: "conversation",
    });
  }
  const page = await store.page({ recordId: id, order: "asc", ...counter.room() });
  return counter.add(page ?? nothing);
}
