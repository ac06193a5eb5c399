import type { StoredItem } from "../../../store/item-store.ts";
import type { ConversationItem, InputContent, MessageInput } from "./input-items.ts";
import { conversationItemField } from "./input-items.ts";

/** An item as OpenAI's API answers it. */
export interface ItemObject {
  readonly id: string;
  readonly type: string;
}

const prefixes = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  function_call_output: "fco",
} as const;

function toParts(content: InputContent, role: MessageInput["role"] = "user"): readonly object[] {
  const parts = typeof content === "string" ? [{ text: content }] : content;
  return parts.map(({ text }) =>
    role === "assistant"
      ? { type: "output_text", text, annotations: [], logprobs: [] }
      : { type: "input_text", text },
  );
}

/** Writes an item of a request as it is stored. @param ids makes ids for items that have none */
export function toItemObject(item: ConversationItem, ids: () => string): ItemObject {
  const type = item.type ?? "message";
  const id = item.id ? item.id : `${prefixes[type]}_${ids()}`;
  const head = { id, type, status: "completed" };
  switch (item.type) {
    case "reasoning": {
      const { summary = [], content } = item;
      const toTexts = (texts: readonly { readonly text: string }[], kind: string): readonly object[] =>
        texts.map(({ text }) => ({ type: kind, text }));
      return {
        ...head,
        summary: toTexts(summary, "summary_text"),
        ...(content === undefined ? {} : { content: toTexts(content, "reasoning_text") }),
      } as ItemObject;
    }
    case "function_call": {
      const { call_id, name, arguments: text } = item;
      return { ...head, call_id, name, arguments: text } as ItemObject;
    }
    case "function_call_output": {
      const { call_id, output } = item;
      return {
        ...head,
        call_id,
        output: typeof output === "string" ? output : toParts(output),
      } as ItemObject;
    }
    case "message":
    case undefined:
      return { ...head, role: item.role, content: toParts(item.content, item.role) } as ItemObject;
  }
}

/** The items as the store has them. */
export function toStoredItems(items: readonly ItemObject[]): readonly StoredItem[] {
  return items.map((item) => ({ id: item.id, text: JSON.stringify(item) }));
}

/** Reads an item that was stored. */
export function readStoredItem({ text }: StoredItem): ConversationItem {
  return conversationItemField.parse(JSON.parse(text));
}
