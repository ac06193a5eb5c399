import type { AssistantMessage, Message, MessageContent, ToolCall } from "../prompts/messages-schema.ts";
import type { ConversationItem, InputContent } from "../items/input-items.ts";

function toContent(content: InputContent): MessageContent {
  return typeof content === "string" ? content : content.map(({ text }) => ({ type: "text", text }));
}

interface AssistantDraft {
  reasoning: string[];
  content: MessageContent | undefined;
  calls: ToolCall[];
}

const emptyDraft = (): AssistantDraft => ({ reasoning: [], content: undefined, calls: [] });

function toAssistantMessage({ reasoning, content, calls }: AssistantDraft): AssistantMessage {
  return {
    role: "assistant",
    content: content ?? (calls.length > 0 ? null : ""),
    ...(reasoning.length === 0 ? {} : { reasoning_content: reasoning.join("\n") }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/**
 * Makes the messages that chat templates read: reasoning, a message and calls that follow each other in this order
 * are one message of the model.
 */
export function toMessages(
  input: readonly ConversationItem[],
  instructions: string | undefined,
): readonly Message[] {
  const messages: Message[] = instructions === undefined ? [] : [{ role: "system", content: instructions }];
  let draft = emptyDraft();
  const flush = (): void => {
    const isEmpty = draft.reasoning.length === 0 && draft.content === undefined && draft.calls.length === 0;
    if (!isEmpty) messages.push(toAssistantMessage(draft));
    draft = emptyDraft();
  };
  for (const item of input) {
    switch (item.type) {
      case "reasoning": {
        if (draft.content !== undefined || draft.calls.length > 0) flush();
        const texts = item.content?.length ? item.content : (item.summary ?? []);
        if (texts.length > 0) draft.reasoning.push(texts.map(({ text }) => text).join("\n"));
        break;
      }
      case "function_call": {
        const { call_id: id, name, arguments: text } = item;
        draft.calls.push({ id, type: "function", function: { name, arguments: text } });
        break;
      }
      case "function_call_output":
        flush();
        messages.push({ role: "tool", tool_call_id: item.call_id, content: toContent(item.output) });
        break;
      case "message":
      case undefined:
        if (item.role !== "assistant") {
          flush();
          messages.push({ role: item.role, content: toContent(item.content) });
          break;
        }
        if (draft.content !== undefined || draft.calls.length > 0) flush();
        draft.content = toContent(item.content);
    }
  }
  flush();
  return messages;
}
